import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BusConnection } from '#integrations/nats/connection.ts';
import { newUserKey } from '#integrations/nats/keys.ts';
import { renderServerConfig, type ServerTls } from '#integrations/nats/server-config.ts';
import { readBusCa } from '#integrations/nats/tls.ts';
import { choosePort } from '#lab/local/ports.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { makeCa, type TestCa } from '../support/certificates.ts';
import { type NatsServer, startNatsServer } from '../support/nats-server.ts';
import { startProgram } from '../support/program.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait.ts';

describe('the bus over TLS', () => {
  const control = newUserKey();
  const athena = newUserKey();
  let dir: TempDir;
  let ca: TestCa;
  let otherCa: TestCa;
  let certificate: ServerTls;
  let server: NatsServer;

  const config = (tls?: ServerTls): string =>
    renderServerConfig({
      fleet: 'olympus',
      listen: '127.0.0.1:0',
      storeDir: '/unused', // the test's server has its own
      controlKey: control.publicKey,
      agentKeys: { athena: athena.publicKey },
      ...(tls ? { tls } : {}),
    });
  const tlsUrl = (of: NatsServer, host = '127.0.0.1'): string => `tls://${host}:${of.port}`;

  before(async () => {
    dir = await tempDir('nats-tls');
    [ca, otherCa] = await Promise.all([makeCa(dir.path, 'ca'), makeCa(dir.path, 'other-ca')]);
    certificate = await ca.issue('hub', 'IP:127.0.0.1', 'DNS:localhost');
    server = await startNatsServer({ config: config({ ...certificate, caFile: ca.file }) });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  it('lets control and an agent in, by address and by name', async () => {
    const clients = [
      { url: tlsUrl(server), seed: control.seed },
      { url: tlsUrl(server), seed: athena.seed },
      { url: tlsUrl(server, 'localhost'), seed: control.seed },
    ];

    for (const client of clients) {
      await using bus = open({ ...client, ca: ca.pem });
      await waitFor(`a connection to ${client.url}`, () => bus.connection.connected);
      assert.deepEqual(bus.connection.health(), { live: true, ready: true });
    }
  });

  it('is what both programs use when their settings name a CA', async () => {
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(path.join(dir.path, name), text, { mode: 0o600 });
      return path.join(dir.path, name);
    };
    const [apiPort, healthPort] = [await choosePort(0), await choosePort(0)];
    const token = await file('token', 'a-token-of-this-test');
    const shared = {
      OLYMPUS_FLEET: 'olympus',
      OLYMPUS_NATS_URL: tlsUrl(server),
      OLYMPUS_NATS_CA_FILE: ca.file,
    };
    await using _control = startProgram('src/control/main.ts', {
      env: {
        ...shared,
        OLYMPUS_STATE_DIR: path.join(dir.path, 'control'),
        OLYMPUS_NATS_SEED_FILE: await file('control-seed', control.seed),
        OLYMPUS_API_TOKEN_FILE: token,
        OLYMPUS_API_PORT: String(apiPort),
      },
    });
    await using _olympusd = startProgram('src/agent/main.ts', {
      env: {
        ...shared,
        OLYMPUS_AGENT: 'athena',
        OLYMPUS_AGENT_DIR: 'agents/athena',
        OLYMPUS_STATE_DIR: path.join(dir.path, 'olympusd'),
        OLYMPUS_NATS_SEED_FILE: await file('athena-seed', athena.seed),
        OLYMPUS_MATTERMOST_URL: 'http://127.0.0.1:9', // nobody is there, nor at the gateway
        OLYMPUS_MATTERMOST_TOKEN_FILE: token,
        OLYMPUS_OPENCLAW_URL: 'http://127.0.0.1:9',
        OLYMPUS_OPENCLAW_TOKEN_FILE: token,
        OLYMPUS_HEALTH_PORT: String(healthPort),
      },
    });

    await waitFor(
      'control to be ready',
      async () => (await fetch(`http://127.0.0.1:${apiPort}/healthz`)).ok,
      {
        timeoutMs: 30_000,
      },
    );
    await waitFor(
      'olympusd to miss all but the bus',
      async () => {
        const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
        const { failing } = (await response.json()) as { failing: { name: string }[] };
        const names = failing.map(({ name }) => name);
        assert.deepEqual(names, ['openclaw', 'chat']);
        return true;
      },
      { timeoutMs: 30_000 },
    );
  });

  it('says once, in a sentence, that the server is not of the CA it was given', async () => {
    await using bus = open({ url: tlsUrl(server), seed: control.seed, ca: otherCa.pem });

    await bus.saysNotReady(/its certificate is not signed by the CA in OLYMPUS_NATS_CA_FILE/);
    const secondTry = bus.connection.health();
    await waitFor('several tries', () => bus.tries() >= 3);

    assert.deepEqual(secondTry, bus.connection.health());
    assert.equal(bus.lines.filter((line) => line.includes('bus not trusted')).length, 1);
  });

  it('says what to set when it knows no CA, and when it did not expect TLS', async () => {
    await using withoutCa = open({ url: tlsUrl(server), seed: control.seed });
    await using inClear = open({ url: server.url, seed: control.seed });

    await withoutCa.saysNotReady(
      /a CA that this machine trusts: name the file of its CA in OLYMPUS_NATS_CA_FILE/,
    );
    await inClear.saysNotReady(/wants TLS: write tls:\/\/ in OLYMPUS_NATS_URL/);
  });

  it('does not trust a certificate of the right CA that is for another address', async () => {
    const elsewhere = await ca.issue('elsewhere', 'IP:10.0.0.9', 'DNS:hub');
    await using wrong = await startNatsServer({ config: config(elsewhere) });
    await using bus = open({ url: tlsUrl(wrong), seed: control.seed, ca: ca.pem });

    await bus.saysNotReady(/its certificate is not for 127\.0\.0\.1/);
  });

  it('does not speak in clear with a server that has no TLS', async () => {
    await using plain = await startNatsServer({ config: config() });
    await using bus = open({ url: tlsUrl(plain), seed: control.seed });

    await bus.saysNotReady(/it does not offer TLS/);
  });

  it('learns what is in the way when the certificate changes under it, and comes back', async () => {
    await using moved = await startNatsServer({ config: config(certificate) });
    await using bus = open({ url: tlsUrl(moved), seed: control.seed, ca: ca.pem });
    await waitFor('a connection', () => bus.connection.connected);

    await moved.reload(config(await otherCa.issue('usurper', 'IP:127.0.0.1')));
    await moved.restart();
    await bus.saysNotReady(/its certificate is not signed by the CA/);
    await moved.reload(config(certificate));

    await waitFor('the connection to be back', () => bus.connection.connected, { timeoutMs: 20_000 });
  });

  it('refuses a CA file that cannot be one, and a URL that would not use it', async () => {
    const file = path.join(dir.path, 'no-certificate.pem');
    await writeFile(file, 'hello');
    const read = (url: string, OLYMPUS_NATS_CA_FILE?: string) => () =>
      readBusCa({ OLYMPUS_NATS_URL: url, OLYMPUS_NATS_CA_FILE });

    assert.equal(read('nats://127.0.0.1:4222')(), undefined);
    assert.equal(read('tls://127.0.0.1:4222', ca.file)(), ca.pem);
    assert.throws(
      read('tls://127.0.0.1:4222', file),
      /OLYMPUS_NATS_CA_FILE: .*no-certificate\.pem is not a certificate/,
    );
    assert.throws(
      read('tls://127.0.0.1:4222', '/nowhere/ca.pem'),
      /cannot read \/nowhere\/ca\.pem \(ENOENT\)/,
    );
    assert.throws(read('nats://127.0.0.1:4222', ca.file), /OLYMPUS_NATS_URL=.* speaks in clear/);
  });
});

/** A connection that is being made, and what it logs. */
function open(options: { url: string; seed: string; ca?: string }) {
  const lines: string[] = [];
  let tries = 0;
  const connection = new BusConnection({
    ...options,
    name: 'test',
    log: createLogger({
      name: 'test',
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
    }),
    clock: {
      ...systemClock,
      sleep: (_ms, signal) => {
        tries += 1;
        return systemClock.sleep(20, signal);
      },
    },
  });
  void connection.start();
  return {
    connection,
    lines,
    tries: () => tries,
    /** Waits until its health gives this reason. */
    saysNotReady: (reason: RegExp) =>
      waitFor(`health to say ${reason}`, () => reason.test(connection.health().reason ?? ''), {
        timeoutMs: 20_000,
      }),
    [Symbol.asyncDispose]: () => connection.stop(),
  };
}

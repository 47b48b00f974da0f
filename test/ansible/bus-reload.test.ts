import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { newUserKey } from '#integrations/nats/keys.ts';
import { renderAccounts } from '#integrations/nats/server-config.ts';
import { choosePort } from '#lab/local/ports.ts';
import { BusClient } from '#test/bus-matrix/client.ts';
import { type NatsServer, startNatsServer } from '#test/nats-server.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { type Ended, moduleRun } from './ansible.ts';

const UNIT = 'nats-server.service';
const KEYS = { control: newUserKey(), athena: newUserKey(), apollo: newUserKey() };

/** Against a real nats-server; only systemd is played. */
describe('olympus_units with accounts of the bus that have changed', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let monitor: number;
  before(async () => {
    dir = await tempDir('reload');
    monitor = await choosePort(0);
    nats = await startNatsServer({ config: configOf(['athena']) });
    await using control = await BusClient.connect(nats.url, KEYS.control.seed);
    const manager = await jetstreamManager(control.connection, { checkAPI: false });
    await manager.streams.add({ name: 'HEARTBEAT', subjects: ['f1.heartbeat.>'] });
  });
  after(async () => {
    await nats?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  function configOf(agents: readonly ('athena' | 'apollo')[]): string {
    const accounts = renderAccounts({
      fleet: 'f1',
      controlKey: KEYS.control.publicKey,
      agentKeys: Object.fromEntries(agents.map((name) => [name, KEYS[name].publicKey])),
    });
    return `http: "127.0.0.1:${monitor}"\n${accounts}`;
  }

  it('leaves a server alone that has read what there is', async () => {
    const ended = await units();

    assert.equal(ended.result.changed, false, ended.output);
    assert.deepEqual(await calls(), []);
  });

  it('has a new agent answered, without a restart and with nobody cut off', async () => {
    await using athena = await BusClient.connect(nats.url, KEYS.athena.seed, '_INBOX_athena');
    const { pid } = nats;
    await nats.write(configOf(['athena', 'apollo']));
    assert.equal((await units(['--check'])).result.changed, true);
    assert.deepEqual(await calls(), []);

    const ended = await units();

    assert.deepEqual(ended.result.changed_units, [UNIT], ended.output);
    assert.deepEqual(await calls(), ['reload', 'reload']);
    assert.equal(nats.pid, pid);
    await using apollo = await BusClient.connect(nats.url, KEYS.apollo.seed, '_INBOX_apollo');
    for (const [name, client] of Object.entries({ athena, apollo })) {
      const { stream } = (await client.request(`f1.heartbeat.${name}`, '{}')).json<{ stream: string }>();
      assert.equal(stream, 'HEARTBEAT');
    }
    assert.equal((await units()).result.changed, false, 'the second time');
  });

  it('goes on where it was cut short between the first time and the second', async () => {
    await writeFile(`${nats.configFile}.reloading`, '');

    assert.equal((await units()).result.changed, true);
    assert.deepEqual(await calls(), ['reload', 'reload']);
    assert.equal(existsSync(`${nats.configFile}.reloading`), false);
  });

  it('fails with what the server said about a file that it does not take, and it goes on as it was', async () => {
    await nats.write('accounts { CONTROL {');
    for (const run of ['the first', 'the next']) {
      const ended = await units();

      assert.match(ended.result.msg ?? '', /told to take up its files again and has not/, run);
      assert.match(ended.result.msg ?? '', /\[ERR\] Failed to reload server configuration/, run);
    }
    await using control = await BusClient.connect(nats.url, KEYS.control.seed);
    await jetstream(control.connection).publish('f1.heartbeat.athena', '{}');

    await nats.write(configOf(['apollo']));
    assert.equal((await units()).result.changed, true);
    await assert.rejects(BusClient.connect(nats.url, KEYS.athena.seed, '_INBOX_athena'), /authorization/i);
  });

  /** Runs the module with a systemctl that signals the server, and a journalctl that shows its log. */
  async function units(
    options: readonly string[] = [],
  ): Promise<Ended & { result: { changed?: boolean; changed_units?: string[]; msg?: string } }> {
    const bin = path.join(dir.path, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(dir.path, 'calls'), '');
    const systemctl = `#!/bin/sh
if [ "$1" = show ]; then echo ActiveState=active; exit; fi
echo "$1" >> ${dir.path}/calls
[ "$1" = reload ] && kill -HUP ${nats.pid}
`;
    await writeFile(path.join(bin, 'systemctl'), systemctl, { mode: 0o755 });
    await writeFile(path.join(bin, 'journalctl'), `#!/bin/sh\ntail -n 5 ${nats.logFile}\n`, { mode: 0o755 });
    const reload = [{ unit: UNIT, url: `http://127.0.0.1:${monitor}/varz`, paths: [nats.configFile] }];
    return moduleRun('olympus_units', { reload }, options, { PATH: `${bin}:${process.env['PATH']}` });
  }

  async function calls(): Promise<string[]> {
    return (await readFile(path.join(dir.path, 'calls'), 'utf8')).split('\n').filter((line) => line !== '');
  }
});

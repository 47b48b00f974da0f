import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { choosePort } from '#lab/local/ports.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { seeDashboard, seeRefusal, startBrowser } from './browser.ts';
import { openDashboard } from './dashboard-call.ts';
import { type GatewayMachine, startGatewayMachine } from './gateway-machine.ts';
import { writeSshState } from './ssh-server.ts';

describe('olympus dashboard', () => {
  let dir: TempDir;
  let machine: GatewayMachine;
  let cli: CliCaller;
  const children: ChildProcess[] = [];
  before(async function () {
    this.timeout(200_000);
    dir = await tempDir('dashboard');
    await mkdir(path.join(dir.path, 'logs'));
    machine = await startGatewayMachine(dir.path, 'athena');
    cli = new CliCaller(dir.path);
    const { hostKey } = machine.server;
    // nc does not tell ssh that the other side has hung up: asking does.
    const lines = [`ProxyCommand ${machine.proxyCommand}`, 'ServerAliveInterval 1'];
    const strange = hostKey.replace(/.{20}$/, 'A'.repeat(20));
    await writeSshState(dir.path, [
      { name: 'athena', port: 22, hostKey, lines },
      { name: 'imposter', port: 22, hostKey: strange, lines },
    ]);
  });
  after(async function () {
    this.timeout(30_000);
    for (const child of children) child.kill('SIGTERM');
    await machine?.[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  async function opened(...args: string[]) {
    const tunnel = await openDashboard(cli, args);
    children.push(tunnel.child);
    return tunnel;
  }

  it("logs a browser outside the machine's network in, once", async function () {
    this.timeout(120_000);
    const { url, port, close } = await opened('athena');
    const browser = await startBrowser();
    try {
      const page = await seeDashboard(browser, url, 'openclaw-dashboard.png');

      assert.equal(new URL(page.url()).hash, '', 'the page takes the token out of the address');
      await seeRefusal(browser, url);
    } finally {
      await browser.close();
    }
    const { code, stderr } = await close();

    assert.equal(code, 0);
    assert.match(stderr, /dashboard of athena, until Ctrl-C/);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`), 'the tunnel is closed');
  });

  it('takes a free port when the usual one is in use, and says so of one that was asked for', async function () {
    this.timeout(120_000);
    const holder = createServer();
    const held = await choosePort(18_789);
    await new Promise<void>((resolve) => holder.listen(held, '127.0.0.1', resolve));
    try {
      const { port, close } = await opened('athena');
      const refused = await cli.run(['dashboard', 'athena', '--port', String(held)]);
      await close();

      assert.notEqual(port, held);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, new RegExp(`Port ${held} of this machine is in use\\. Leave --port out`));
    } finally {
      holder.close();
    }
  });

  it('refuses an agent that is none, and a machine with another host key', async () => {
    const [unknown, imposter] = await Promise.all([
      cli.run(['dashboard', 'athina']),
      cli.run(['dashboard', 'imposter']),
    ]);

    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /There is no athina in this fleet\. Did you mean athena\?/);
    assert.equal(imposter.code, 1);
    assert.match(imposter.stderr, /imposter shows a host key that is not the one in .*known_hosts/);
    assert.equal(imposter.stdout, '');
  });

  it('says that the tunnel was cut', async function () {
    this.timeout(120_000);
    const { ended } = await opened('athena');
    await machine.server.cut();
    const { code, stderr } = await ended;

    assert.equal(code, 1);
    assert.match(stderr, /athena cannot be reached: .*olympus doctor/s);
  });

  it('says that the gateway does not answer', async function () {
    this.timeout(120_000);
    await machine.halt();
    const { code, stderr } = await cli.run(['dashboard', 'athena', '--no-open', '--wait', '2']);

    assert.equal(code, 1);
    assert.match(stderr, /gateway of athena does not answer on its port 18789\. .*olympus logs athena/);
  });
});

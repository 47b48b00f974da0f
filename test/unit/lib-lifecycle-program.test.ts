import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { listenAsSystemd, type NotifySocket } from '../support/notify-socket.ts';

const LIB = path.resolve(import.meta.dirname, '../../src/lib');

/** A daemon whose peer comes when it is told so on standard input, and whose own loop hangs when told that. */
const PROGRAM = `
  import { Lifecycle } from '${LIB}/lifecycle.ts';
  import { runProgram } from '${LIB}/lifecycle-program.ts';
  import { createLogger } from '${LIB}/log.ts';
  import { createSdNotifier } from '${LIB}/sd-notify.ts';
  let health = { live: true, ready: false, reason: 'away' };
  process.stdin.on('data', (text) => { health = JSON.parse(String(text)); });
  const part = (name, of) => ({ name, start: async () => {}, stop: async () => process.stdin.destroy(), health: of });
  const log = createLogger({ name: 'test', level: 'silent' });
  await runProgram({
    lifecycle: new Lifecycle([part('journal', () => ({ live: true, ready: true })), part('openclaw', () => health)], log),
    log, notify: createSdNotifier(process.env), stopTimeoutMs: 1000,
  });`;

describe('a program under systemd', () => {
  it('is ready while its peer is still away, says whom it waits for, and says when it leaves', async () => {
    await using socket = await listenAsSystemd();
    await using program = start(socket);

    assert.equal(await socket.next(), 'READY=1');
    assert.equal(await socket.next(), 'STATUS=waiting for openclaw');
    program.becomes({ live: true, ready: true });
    assert.equal(await socket.next(), 'STATUS=ready');
    program.child.kill('SIGTERM');
    assert.equal(await socket.next(), 'STOPPING=1');
    assert.deepEqual(await once(program.child, 'exit'), [0, null]);
  }).timeout(20_000);

  it('feeds the watchdog while its parts are live, and not one moment longer', async () => {
    await using socket = await listenAsSystemd();
    await using program = start(socket, { WATCHDOG_USEC: '400000' });
    const isWatchdog = async () => (await nextBut(socket, /^STATUS|^READY/)) === 'WATCHDOG=1';

    assert.ok(await isWatchdog());
    assert.ok(await isWatchdog());
    program.becomes({ live: false, ready: true });
    assert.equal(await nextBut(socket, /^WATCHDOG|waiting/), 'STATUS=stuck: openclaw');
    program.becomes({ live: true, ready: true });

    assert.equal(await nextBut(socket, /^STATUS/), 'WATCHDOG=1');
  }).timeout(20_000);
});

function start(socket: NotifySocket, env: Record<string, string> = {}) {
  const command = ['--pdeathsig', 'KILL', process.execPath, '--input-type=module', '--eval', PROGRAM];
  const child: ChildProcess = spawn('setpriv', command, {
    env: { PATH: process.env['PATH'], NOTIFY_SOCKET: socket.path, ...env },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  return {
    child,
    becomes: (health: { live: boolean; ready: boolean }) => child.stdin?.write(JSON.stringify(health)),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The next thing said that is not one of these. */
async function nextBut(socket: NotifySocket, passed: RegExp): Promise<string> {
  const said = await socket.next();
  return passed.test(said) ? nextBut(socket, passed) : said;
}

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

/** Prints each datagram it receives as a line; Node has no Unix datagram sockets, and perl is on every Debian. */
const RECEIVER = `
  use IO::Socket::UNIX; use Socket; $| = 1;
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
  print "listening\\n";
  while (defined $socket->recv(my $datagram, 4096)) { $datagram =~ s/\\n/ /g; print "$datagram\\n" }`;

/** Stands for systemd: the socket it would give a service, and what the service said on it. */
class NotifySocket implements AsyncDisposable {
  readonly path: string;
  readonly #dir: TempDir;
  readonly #receiver: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(dir: TempDir) {
    this.#dir = dir;
    this.path = path.join(dir.path, 'notify');
    const receiver = spawn('perl', ['-e', RECEIVER, this.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#receiver = receiver;
    this.#lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the receiver has ended');
    return value.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#receiver, 'close');
    this.#receiver.kill();
    await ended;
    await this.#dir[Symbol.asyncDispose]();
  }
}

async function listen(): Promise<NotifySocket> {
  const socket = new NotifySocket(await tempDir('notify'));
  assert.equal(await socket.next(), 'listening');
  return socket;
}

describe('systemd', () => {
  before(() => {
    assert.ok(
      existsSync('/usr/bin/systemd-notify'),
      'systemd-notify is missing. Run: apt-get install systemd',
    );
  });

  it('is told what the service does, in the words of sd_notify(3)', async () => {
    await using socket = await listen();
    const notify = createSdNotifier({ NOTIFY_SOCKET: socket.path });

    const told: string[] = [];
    for (const tell of [
      notify.ready,
      () => notify.status('3 of 4 parts'),
      notify.watchdog,
      notify.stopping,
    ]) {
      await tell();
      told.push(await nextAssignment(socket));
    }

    assert.deepEqual(told, ['READY=1', 'STATUS=3 of 4 parts', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('hears from the service at twice the pace it asked for', () => {
    const notify = createSdNotifier({ NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '30000000' });

    assert.equal(notify.watchdogEveryMs, 15_000);
  });

  it('is left alone by a service that it does not run', async () => {
    const notify = createSdNotifier({ WATCHDOG_USEC: '30000000' });

    await notify.ready();
    await notify.stopping();

    assert.equal(notify.watchdogEveryMs, undefined);
  });

  it('wants no watchdog when it names no interval', () => {
    assert.equal(createSdNotifier({ NOTIFY_SOCKET: '/run/notify' }).watchdogEveryMs, undefined);
  });

  it('that cannot be reached is an error, not silence', async () => {
    await using dir = await tempDir('notify');

    await assert.rejects(createSdNotifier({ NOTIFY_SOCKET: path.join(dir.path, 'nobody') }).ready());
  });
});

/** The next datagram that is not the barrier with which systemd-notify waits until it was read. */
async function nextAssignment(socket: NotifySocket): Promise<string> {
  const line = await socket.next();
  return line === 'BARRIER=1' ? nextAssignment(socket) : line;
}

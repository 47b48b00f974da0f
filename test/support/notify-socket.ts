import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TempDir, tempDir } from './temp-dir.ts';

/** Prints each datagram it receives as a line; Node has no Unix datagram sockets, and perl is on every Debian. */
const RECEIVER = `
  use IO::Socket::UNIX; use Socket; $| = 1;
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
  print "listening\\n";
  while (defined $socket->recv(my $datagram, 4096)) { $datagram =~ s/\\n/ /g; print "$datagram\\n" }`;

/** Stands for systemd: the socket it would give a service, and what the service said on it. */
export class NotifySocket implements AsyncDisposable {
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

  /** The next datagram that is not the barrier with which systemd-notify waits until it was read. */
  async next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the receiver has ended');
    const line = value.trim();
    return line === 'BARRIER=1' ? this.next() : line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#receiver, 'close');
    this.#receiver.kill();
    await ended;
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** Opens the socket. */
export async function listenAsSystemd(): Promise<NotifySocket> {
  const socket = new NotifySocket(await tempDir('notify'));
  const first = await socket.next();
  if (first !== 'listening') throw new Error(`the receiver said ${first}`);
  return socket;
}

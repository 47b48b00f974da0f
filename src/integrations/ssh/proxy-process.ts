import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex, type Readable, type Writable } from 'node:stream';

const STDERR_KEPT = 2000;
const END_TIMEOUT_MS = 500;

/** The process of a ProxyCommand: its input and output are the connection. */
export class ProxyProcess {
  readonly stream: Duplex;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #closed: Promise<unknown>;
  #stderr = '';

  constructor(command: string) {
    // A ProxyCommand is a line for the shell by definition; it comes from our own configuration.
    this.#child = spawn('/bin/sh', ['-c', `exec ${command}`], { stdio: ['pipe', 'pipe', 'pipe'] });
    // Also when the shell itself cannot be started: then the streams end, and that is all anybody needs to know.
    this.#closed = once(this.#child, 'close').catch((error: Error) => {
      this.#stderr += error.message;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    this.stream = Duplex.from({ readable: this.#child.stdout, writable: this.#child.stdin });
    // Whoever uses the stream hears of it too; without a listener of ours a late one would end the program.
    this.stream.on('error', () => undefined);
  }

  /** Hangs up, and resolves with the last complaint of the process once it is gone; it has a moment to complain. */
  async end(): Promise<string> {
    this.stream.destroy();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_TIMEOUT_MS);
    await this.#closed;
    clearTimeout(timer);
    return this.#stderr.trim().split('\n').at(-1) ?? '';
  }
}

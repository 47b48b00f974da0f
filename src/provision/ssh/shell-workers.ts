import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ShellResult } from '#integrations/libvirt/hypervisor.ts';
import { Slots } from '#integrations/ssh/slots.ts';
import { withDeadline } from '#lib/deadline.ts';

/** Fewer than the sessions that sshd allows by default (10), beside those of libvirt. */
const AT_ONCE = 4;
const CLOSE_MS = 5000;

export interface WorkerOptions {
  /** For the error that says that it took too long. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly input: string | Uint8Array | undefined;
}

/**
 * POSIX shells that stay open and are given one command after another: a command then costs a line on a pipe, and not a
 * program here and a session there. At most four at once; more commands wait for their turn.
 */
export class ShellWorkers implements AsyncDisposable {
  readonly #command: readonly [string, ...string[]];
  readonly #slots = new Slots(AT_ONCE);
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();

  /** `command` is what leads to a shell that reads its commands from standard input. */
  constructor(command: readonly [string, ...string[]]) {
    this.#command = command;
  }

  /**
   * Runs one line of words that are quoted already. Its exit code is an answer, not an error; it is that of what leads to
   * the shell where that one ended, and never 0 then.
   */
  async run(line: string, options: WorkerOptions): Promise<ShellResult> {
    // Waiting for its turn is not the command's own time.
    const giveBack = await this.#slots.take(options.signal);
    try {
      return await withDeadline(options.what, options.timeoutMs, options.signal, async (signal) => {
        const worker = this.#take();
        const result = await worker.run(line, options.input, signal);
        if (worker.isUsable) this.#idle.push(worker);
        return result;
      });
    } finally {
      giveBack();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.close()));
  }

  #take(): Worker {
    for (let worker = this.#idle.pop(); worker; worker = this.#idle.pop()) {
      if (worker.isUsable) return worker;
    }
    const [program, ...args] = this.#command;
    const worker = new Worker(spawn(program, args, { stdio: 'pipe' }));
    this.#all.add(worker);
    void worker.ended.then(() => this.#all.delete(worker));
    return worker;
  }
}

class Worker {
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #mark = randomBytes(16).toString('hex');
  #stdout: Buffer[] = [];
  #stderr: Buffer[] = [];
  #onOutput: () => void = () => undefined;
  #ended: { readonly code: number } | undefined;
  #broken = false;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    const end = (code: number, reason?: string): void => {
      if (reason !== undefined) this.#stderr.push(Buffer.from(reason));
      this.#ended ??= { code };
      this.#onOutput();
      resolve();
    };
    child.stdout.on('data', (chunk: Buffer) => this.#take(this.#stdout, chunk));
    child.stderr.on('data', (chunk: Buffer) => this.#take(this.#stderr, chunk));
    // What has ended reads nothing more: how it ended says why.
    child.stdin.on('error', () => undefined);
    child.on('error', ({ message }) => end(-1, message));
    child.on('close', (code) => end(code ?? -1));
  }

  get isUsable(): boolean {
    return !this.#ended && !this.#broken;
  }

  async run(line: string, input: string | Uint8Array | undefined, signal: AbortSignal): Promise<ShellResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ShellResult>();
    this.#stdout = [];
    this.#stderr = [];
    this.#onOutput = () => {
      const result = this.#result();
      if (result) resolve(result);
    };
    const onAbort = (): void => {
      this.#broken = true;
      this.#child.kill();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#onOutput();
      this.#child.stdin.write(this.#framed(line, input));
      return await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#onOutput = () => undefined;
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#ended) return;
    this.#child.stdin.end();
    const signal = AbortSignal.timeout(CLOSE_MS);
    try {
      await once(this.#child, 'exit', { signal });
    } catch {
      this.#child.kill('SIGKILL');
    }
  }

  /** Says on both streams where what the command wrote is over; with its exit code on the first. */
  #framed(line: string, input: string | Uint8Array | undefined): string {
    const mark = this.#mark;
    const over = `printf '%s %d\\n' ${mark} $?; echo ${mark} >&2\n`;
    if (input === undefined) return `${line} </dev/null; ${over}`;
    // A shell reads its own commands ahead: what is for the command comes in a document of its own.
    const encoded = Buffer.from(input)
      .toString('base64')
      .replaceAll(/.{1,1024}/g, '$&\n');
    return `base64 -d <<'${mark}' | ${line}\n${encoded}${mark}\n${over}`;
  }

  #take(chunks: Buffer[], chunk: Buffer): void {
    chunks.push(chunk);
    this.#onOutput();
  }

  #result(): ShellResult | undefined {
    if (!this.#ended && !(endsLine(this.#stdout) && endsLine(this.#stderr))) return undefined;
    const stdout = Buffer.concat(this.#stdout).toString();
    const stderr = Buffer.concat(this.#stderr).toString();
    if (this.#ended) return { code: this.#ended.code || -1, stdout, stderr };
    const said = new RegExp(`${this.#mark} (\\d+)\n$`).exec(stdout);
    const saidToo = `${this.#mark}\n`;
    if (!said || !stderr.endsWith(saidToo)) return undefined;
    return {
      code: Number(said[1]),
      stdout: stdout.slice(0, said.index),
      stderr: stderr.slice(0, -saidToo.length),
    };
  }
}

function endsLine(chunks: readonly Buffer[]): boolean {
  return chunks.at(-1)?.at(-1) === 0x0a;
}

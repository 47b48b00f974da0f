import type { Client, ClientChannel } from 'ssh2';
import { DeadlineError, withDeadline } from '#lib/deadline.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { Slots } from './slots.ts';
import { SshError } from './ssh-error.ts';

export interface RunOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What the command reads; nothing unless given. */
  readonly input?: string;
}

/** How a command on a machine ended. */
export interface CommandResult {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * sshd allows ten sessions on a connection (MaxSessions), and counts those that have just been closed until it has read all that
 * came with their end: as many may be opening by then.
 */
const CHANNELS = 5;
const OUTPUT_LIMIT = 4 * 1024 * 1024;
const END_TIMEOUT_MS = 2000;

/** A connection to one machine, on which short commands run, some at a time. */
export class SshConnection implements AsyncDisposable {
  readonly machine: string;
  readonly #client: Client;
  readonly #proxy: ProxyProcess | undefined;
  readonly #slots = new Slots(CHANNELS);
  readonly #cut = new AbortController();
  readonly #closed: Promise<void>;

  /** To be had from `connectSsh`. */
  constructor(machine: string, client: Client, proxy: ProxyProcess | undefined) {
    this.machine = machine;
    this.#client = client;
    this.#proxy = proxy;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    let reason: Error | undefined;
    client.on('error', (error) => {
      reason ??= error;
    });
    client.once('close', () => {
      this.#cut.abort(this.#cutError(reason));
      resolve();
    });
  }

  /**
   * Runs one line of shell there, and resolves when it has ended, however it ended. Rejects with an SshError when
   * it could not be run or did not end in time. It is then killed there, where sshd can (it cannot as root).
   */
  async run(command: string, { timeoutMs, signal, input = '' }: RunOptions): Promise<CommandResult> {
    const either = AbortSignal.any([signal, this.#cut.signal]);
    try {
      return await withDeadline(command, timeoutMs, either, async (until) => {
        const release = await this.#slots.take(until);
        const channel = await this.#open(command, release, until);
        return collect(channel, input, until, {
          tooMuch: () => this.#tooMuch(command),
          cut: () => this.#cutError(undefined),
        });
      });
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new SshError(
        'timeout',
        this.machine,
        `${this.machine} did not finish \`${shortened(command)}\` within ${timeoutMs / 1000} s.`,
        'It may be busy: `olympus status` shows its load. Try again.',
        { cause: error },
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.end();
    const timer = setTimeout(() => this.#client.destroy(), END_TIMEOUT_MS);
    if (!this.#cut.signal.aborted) await this.#closed;
    clearTimeout(timer);
    await this.#proxy?.end();
  }

  /**
   * INVARIANT: the slot is given back when the channel is closed or was never opened, not when its caller stops
   * waiting: until then it counts on the other side.
   */
  #open(command: string, release: () => void, until: AbortSignal): Promise<ClientChannel> {
    const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
    try {
      this.#client.exec(command, (error, channel) => {
        if (error) {
          release();
          reject(this.#openError(error));
          return;
        }
        channel.once('close', release);
        channel.on('error', () => undefined);
        if (until.aborted) kill(channel);
        resolve(channel);
      });
    } catch (error) {
      release();
      reject(this.#cutError(error));
    }
    return promise;
  }

  #openError(cause: Error): SshError {
    return new SshError(
      'refused',
      this.machine,
      `${this.machine} did not open a session: ${cause.message}.`,
      'Its sshd may be at its limit of sessions. Try again.',
      { cause },
    );
  }

  #cutError(cause: unknown): SshError {
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    return new SshError(
      'cut',
      this.machine,
      `The connection to ${this.machine} was cut${reason}.`,
      'Does it still run? `olympus doctor` looks.',
      { cause },
    );
  }

  #tooMuch(command: string): SshError {
    return new SshError(
      'too_much',
      this.machine,
      `${this.machine} printed more than ${OUTPUT_LIMIT} bytes for \`${shortened(command)}\`.`,
      'Ask for less of it.',
    );
  }
}

async function collect(
  channel: ClientChannel,
  input: string,
  until: AbortSignal,
  errors: { readonly tooMuch: () => Error; readonly cut: () => Error },
): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let size = 0;
  const keep = (name: keyof typeof output) => (chunk: Buffer) => {
    size += chunk.length;
    if (size <= OUTPUT_LIMIT) output[name].push(chunk);
    else {
      kill(channel);
      reject(errors.tooMuch());
    }
  };
  channel.on('data', keep('stdout'));
  channel.stderr.on('data', keep('stderr'));
  const text = (name: keyof typeof output): string => Buffer.concat(output[name]).toString('utf8');
  // Not by the event `exit`: all of a short command may come in one piece with the word that it runs, and that event is
  // over before anybody here listens. The end of a channel tells again how its command ended: with a code, or with null by
  // a signal; where it says neither, it was the connection that ended.
  channel.once('close', (exitCode?: number | null) => {
    if (exitCode === undefined) reject(errors.cut());
    else resolve({ code: exitCode ?? undefined, stdout: text('stdout'), stderr: text('stderr') });
  });
  const onAbort = (): void => {
    kill(channel);
    reject(until.reason);
  };
  until.addEventListener('abort', onAbort, { once: true });
  channel.end(input);
  try {
    until.throwIfAborted();
    return await promise;
  } finally {
    until.removeEventListener('abort', onAbort);
  }
}

function kill(channel: ClientChannel): void {
  try {
    channel.signal('KILL');
    channel.close();
  } catch {
    // The connection is gone, and the command with it.
  }
}

function shortened(command: string): string {
  return command.length > 60 ? `${command.slice(0, 57)}…` : command;
}

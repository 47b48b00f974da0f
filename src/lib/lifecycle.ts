import { withDeadline } from './deadline.ts';
import type { Logger } from './log.ts';

/** `live`: its own loops advance. `ready`: the peers it needs answer; `reason` says what is missing. */
export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  readonly reason?: string;
}

/**
 * Anything that runs: a connection, a loop, a server.
 * Besides assigning, its constructor does nothing; work begins in `start`.
 */
export interface Part {
  readonly name: string;
  /** Fails on what is ours (configuration, files, a port in use); a peer that is away is retried and shows in `health`. */
  start(signal: AbortSignal): Promise<void>;
  /** First wave of a stop: take no new work. */
  quiesce?(signal: AbortSignal): Promise<void>;
  /** Second wave: finish, flush, disconnect before `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
  health(): Health;
}

export type LifecycleState =
  | 'initialized'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'draining'
  | 'stopped'
  | 'failed';

export interface PartHealth extends Health {
  readonly name: string;
}

/**
 * Starts parts in list order and stops them in reverse, in two waves.
 * A part that cannot start stops those already started, and `start` rejects with its error.
 */
export class Lifecycle {
  readonly #parts: readonly Part[];
  readonly #log: Logger;
  readonly #started: Part[] = [];
  readonly #startAbort = new AbortController();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #state: LifecycleState = 'initialized';

  constructor(parts: readonly Part[], log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** A second caller waits for the real outcome of the first. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Never rejects for a part that fails to stop: that is logged, and the rest are stopped all the same. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  health(): PartHealth[] {
    return this.#parts.map((part) => ({ name: part.name, ...part.health() }));
  }

  async #start(): Promise<void> {
    this.#state = 'starting';
    try {
      for (const part of this.#parts) {
        this.#startAbort.signal.throwIfAborted();
        this.#started.push(part);
        await part.start(this.#startAbort.signal);
        this.#log.debug({ part: part.name }, 'part started');
      }
      this.#state = 'running';
    } catch (error) {
      this.#state = 'failed';
      await this.#wave('stop', 10_000);
      throw error;
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#startAbort.abort(new Error('stopped during start'));
    const failedStart = await this.#starting?.then(
      () => false,
      () => true,
    );
    if (failedStart) return;
    this.#state = 'stopping';
    await this.#wave('quiesce', timeoutMs);
    this.#state = 'draining';
    await this.#wave('stop', timeoutMs);
    this.#state = 'stopped';
  }

  async #wave(wave: 'quiesce' | 'stop', timeoutMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (const part of this.#started.toReversed()) {
      try {
        await withDeadline(`${wave} of ${part.name}`, timeoutMs + 500, new AbortController().signal, () =>
          wave === 'quiesce' ? (part.quiesce?.(deadline) ?? Promise.resolve()) : part.stop(deadline),
        );
      } catch (error) {
        this.#log.error({ part: part.name, wave, err: error }, 'part did not stop cleanly');
      }
    }
  }
}

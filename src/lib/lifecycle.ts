import { withDeadline } from './deadline.ts';
import type { Logger } from './log.ts';

/**
 * `live`: its own loops advance. `ready`: the peers it needs answer; `reason` says what is missing. `alarm`: it has been
 * missing for so long that somebody has to look.
 */
export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  readonly alarm?: true;
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
  /** Second wave: finish, flush, disconnect before `signal` aborts. Also called after a `start` that failed half-way. */
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
 * A part that cannot start is stopped, and so are those started before it; `start` rejects with its error.
 */
export class Lifecycle {
  readonly #parts: readonly Part[];
  readonly #log: Logger;
  readonly #onStarted: (name: string) => void;
  readonly #started: Part[] = [];
  readonly #startAbort = new AbortController();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #state: LifecycleState = 'initialized';

  /** `onStarted` is told the name of each part once it has started. */
  constructor(parts: readonly Part[], log: Logger, onStarted: (name: string) => void = () => undefined) {
    this.#parts = parts;
    this.#onStarted = onStarted;
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

  /**
   * Ends a start under way and stops what it started; `timeoutMs` holds for each wave, and for that start.
   * Never rejects for a part that fails to stop: that is logged, and the rest are stopped all the same.
   */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  health(): PartHealth[] {
    return this.#parts.map((part) => ({ name: part.name, ...part.health() }));
  }

  async #start(): Promise<void> {
    const { signal } = this.#startAbort;
    signal.throwIfAborted();
    this.#state = 'starting';
    try {
      for (const part of this.#parts) {
        this.#started.push(part);
        await part.start(signal);
        signal.throwIfAborted();
        this.#log.debug({ part: part.name }, 'part started');
        this.#onStarted(part.name);
      }
      this.#state = 'running';
    } catch (error) {
      // After an abort it is the stop that stops the parts: two waves at once would stop them twice.
      if (!signal.aborted) {
        this.#state = 'failed';
        await this.#wave('stop', FAILED_START_TIMEOUT_MS);
      }
      throw error;
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#startAbort.abort(new Error('stopped during start'));
    const started = async (): Promise<void> => this.#starting;
    await withDeadline('start', timeoutMs, NEVER, started).catch((error) =>
      this.#log.debug({ err: error }, 'start did not complete'),
    );
    if (this.#state === 'failed') return;
    const wasRunning = this.#state === 'running';
    this.#state = 'stopping';
    if (wasRunning) await this.#wave('quiesce', timeoutMs);
    this.#state = 'draining';
    await this.#wave('stop', timeoutMs);
    this.#state = 'stopped';
  }

  /** All parts share one deadline; a part that is still there after it has a moment to react to its signal. */
  async #wave(wave: 'quiesce' | 'stop', timeoutMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const endsAt = performance.now() + timeoutMs;
    for (const part of this.#started.toReversed()) {
      const remainingMs = Math.ceil(Math.max(0, endsAt - performance.now()));
      try {
        await withDeadline(`${wave} of ${part.name}`, remainingMs + GRACE_MS, NEVER, async () =>
          wave === 'quiesce' ? part.quiesce?.(deadline) : part.stop(deadline),
        );
      } catch (error) {
        this.#log.error({ part: part.name, wave, err: error }, 'part did not stop cleanly');
      }
    }
  }
}

const NEVER = new AbortController().signal;
const GRACE_MS = 250;
const FAILED_START_TIMEOUT_MS = 10_000;

import { type Backoff, fullJitter } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface LoopOptions {
  readonly clock: Clock;
  /** One round of work. Returns how long to wait before the next one, in milliseconds. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  /** Called with every failure of a round; the loop goes on after a back-off. */
  readonly onError: (error: unknown) => void;
  readonly backoff?: Backoff;
  /** A round that has run longer than this counts as stuck. */
  readonly stuckAfterMs?: number;
}

/** Made once: an error of its own for each wake costs more than the wake. */
const WOKEN = new Error('woken');
const STOPPED = new Error('stopped');
const DEFAULT_BACKOFF: Backoff = { baseMs: 200, capMs: 30_000 };

/**
 * Work that repeats: rounds never overlap, the wait between them ends at `wake()` or `stop()`.
 *
 * INVARIANTS
 * - a wake during a round is not lost: the next round follows at once;
 * - after `stop()` has resolved, no round runs and none will.
 */
export class Loop {
  readonly #options: LoopOptions;
  readonly #stopping = new AbortController();
  #wakeUp = new AbortController();
  #running: Promise<void> | undefined;
  #roundSince: number | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Runs the next round now instead of at the end of the wait. */
  wake(): void {
    this.#wakeUp.abort(WOKEN);
  }

  /** Aborts the wait and the signal of the round under way, and resolves when that round has returned. */
  async stop(): Promise<void> {
    this.#stopping.abort(STOPPED);
    await this.#running;
  }

  /** False once a single round has been running for longer than `stuckAfterMs`. */
  get live(): boolean {
    const { clock, stuckAfterMs = 60_000 } = this.#options;
    return this.#roundSince === undefined || clock.now() - this.#roundSince < stuckAfterMs;
  }

  async #run(): Promise<void> {
    const { clock, round, onError, backoff = DEFAULT_BACKOFF } = this.#options;
    const stopping = this.#stopping.signal;
    let failures = 0;
    while (!stopping.aborted) {
      this.#wakeUp = new AbortController();
      let waitMs: number;
      try {
        this.#roundSince = clock.now();
        waitMs = await round(stopping);
        failures = 0;
      } catch (error) {
        if (stopping.aborted) return;
        onError(error);
        waitMs = Math.min(backoff.capMs, fullJitter(failures++, backoff) + backoff.baseMs / 2);
      } finally {
        this.#roundSince = undefined;
      }
      await clock.sleep(waitMs, AbortSignal.any([stopping, this.#wakeUp.signal]));
    }
  }
}

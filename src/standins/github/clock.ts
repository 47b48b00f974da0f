import type { Clock } from '#lib/clock.ts';

/** A clock that can be put forward: what expires in an hour does so when a test says that the hour has passed. */
export class MovableClock implements Clock {
  readonly #base: Clock;
  #aheadMs = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.#aheadMs;
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return this.#base.sleep(durationMs, signal);
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

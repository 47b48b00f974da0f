import type { Clock } from '#lib/clock.ts';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  async sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || durationMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const sleeper = { untilMs: this.#nowMs + durationMs, wake };
    this.#sleepers.add(sleeper);
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
    this.#sleepers.delete(sleeper);
  }

  /** How long each sleeper still has to wait, shortest first. */
  get waits(): number[] {
    return [...this.#sleepers].map(({ untilMs }) => untilMs - this.#nowMs).toSorted((a, b) => a - b);
  }

  /** Moves the time, wakes who is due, and lets everything that follows from it without waiting happen. */
  async advance(durationMs: number): Promise<void> {
    this.#nowMs += durationMs;
    for (const { untilMs, wake } of this.#sleepers) if (untilMs <= this.#nowMs) wake();
    await settle();
  }
}

/** Lets everything happen that waits for promises only. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

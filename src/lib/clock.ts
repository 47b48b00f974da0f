import { setTimeout as delay } from 'node:timers/promises';

/** Time as a thing that is passed in, so that tests own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `durationMs`, or at once when `signal` aborts; it never rejects. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(durationMs, signal) {
    if (signal.aborted || durationMs <= 0) return;
    // The only rejection of this timer is the abort, and an aborted sleep is a finished one.
    await delay(durationMs, undefined, { signal }).catch(() => undefined);
  },
};

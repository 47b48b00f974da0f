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
  sleep(durationMs, signal) {
    if (signal.aborted || durationMs <= 0) return Promise.resolve();
    // Not the timer of node:timers/promises: it makes an error, with its stack, of each sleep that is cut short.
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal.addEventListener('abort', end);
    return promise;
  },
};

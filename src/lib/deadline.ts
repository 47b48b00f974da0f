/** Raised when something took longer than it may. */
export class DeadlineError extends Error {
  readonly what: string;
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super(`${what} did not finish within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
    this.what = what;
    this.timeoutMs = timeoutMs;
  }
}

/**
 * Runs `work` with a signal that aborts after `timeoutMs` or with `signal`, and rejects with a
 * DeadlineError or the signal's reason even if `work` ignores its signal.
 */
export async function withDeadline<T>(
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new DeadlineError(what, timeoutMs)), timeoutMs);
  const both = AbortSignal.any([signal, deadline.signal]);
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(both.reason);
  both.addEventListener('abort', onAbort, { once: true });
  try {
    both.throwIfAborted();
    return await Promise.race([work(both), aborted.promise]);
  } finally {
    clearTimeout(timer);
    both.removeEventListener('abort', onAbort);
    aborted.promise.catch(() => undefined);
  }
}

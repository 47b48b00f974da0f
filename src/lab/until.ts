import { systemClock } from '#lib/clock.ts';
import { LabError } from './lab-error.ts';

/** Asks `probe` until it answers with nothing; what it names at the end of the time is the reason of the error. */
export async function until(
  options: {
    readonly what: string;
    readonly remedy: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
  probe: () => Promise<string | undefined>,
): Promise<void> {
  const { what, remedy, timeoutMs, signal } = options;
  const deadline = performance.now() + timeoutMs;
  while (true) {
    signal.throwIfAborted();
    const missing = await probe();
    if (missing === undefined) return;
    if (performance.now() >= deadline) {
      throw new LabError(`${what} within ${timeoutMs / 1000} s: ${missing}.`, remedy);
    }
    await systemClock.sleep(POLL_MS, signal);
  }
}

const POLL_MS = 50;

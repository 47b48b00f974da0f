import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** The part of the time waited so far that passes until it is asked again, and the longest such time. */
const PATIENCE = 0.05;
const LONGEST_MS = 250;

/**
 * Asks `probe` until its answer is truthy, and returns that. A probe that throws has not answered yet.
 * On time-out it throws a sentence with `what` and the last answer, so that a failed test tells what it saw.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 15_000, everyMs = 20 }: WaitOptions = {},
): Promise<Exclude<Awaited<T>, false | 0 | '' | null | undefined>> {
  const startedAt = performance.now();
  const deadline = startedAt + timeoutMs;
  let last = 'nothing yet';
  while (true) {
    try {
      const value = await probe();
      if (value) return value as Exclude<Awaited<T>, false | 0 | '' | null | undefined>;
      last = inspect(value, { depth: 4, breakLength: 100 });
    } catch (error) {
      last = error instanceof Error ? error.message : inspect(error);
    }
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms for ${what}, in vain; last seen: ${last}`);
    }
    // What takes long is asked less and less often: whoever asks takes the processor from who is waited for.
    await delay(Math.max(everyMs, Math.min((performance.now() - startedAt) * PATIENCE, LONGEST_MS)));
  }
}

/** Resolves when what `read` gives has been the same for `quietMs`. */
export async function untilUnchanged(
  read: () => Promise<string>,
  { quietMs, ...options }: WaitOptions & { readonly quietMs: number },
): Promise<void> {
  let last = '';
  let since = performance.now();
  await waitFor(
    'nothing to change any more',
    async () => {
      const now = await read();
      if (now !== last) since = performance.now();
      last = now;
      return performance.now() - since >= quietMs;
    },
    options,
  );
}

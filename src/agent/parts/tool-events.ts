import type { Clock } from '#lib/clock.ts';
import { Loop } from '#lib/loop.ts';

export interface ToolEventsOptions {
  /** Tells of one call, by the name of the tool where that is known. */
  readonly tell: (tool: string | undefined) => Promise<void>;
  /** Called with every failure to tell; the call that it was is told of no more. */
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
}

/** At most one is told of within this time: a turn may call hundreds of tools, and each event is made durable. */
const EVERY_MS = 1000;
/** A call wakes the loop; this is only how long it sleeps without one. */
const IDLE_MS = 60_000;

/**
 * Tells of the tools that are called while `work` goes on: of the first one at once, then of the newest, once a second at
 * most. A call that was not told of when the work ends never is: how the run has ended says more.
 */
export async function tellingOfTools<T>(
  { tell, onError, clock }: ToolEventsOptions,
  work: (called: (tool: string | undefined) => void) => Promise<T>,
): Promise<T> {
  let newest: { readonly tool: string | undefined } | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  const loop = new Loop({
    clock,
    round: async () => {
      const sinceMs = clock.now() - toldAt;
      // Below nothing, where the clock was set back.
      if (sinceMs >= 0 && sinceMs < EVERY_MS) return EVERY_MS - sinceMs;
      if (newest) {
        const { tool } = newest;
        newest = undefined;
        toldAt = clock.now();
        await tell(tool);
      }
      return IDLE_MS;
    },
    onError,
    backoff: { baseMs: EVERY_MS, capMs: EVERY_MS },
  });
  loop.start();
  try {
    return await work((tool) => {
      // Where one is kept already, the loop knows, and takes the newest when it is time.
      if (!newest) loop.wake();
      newest = { tool };
    });
  } finally {
    await loop.stop();
  }
}

/** How long to wait between attempts. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Exponential back-off with full jitter: uniform in [0, min(cap, base · 2^attempt)).
 * `attempt` counts from 0. Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 */
export function fullJitter(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  const ceilingMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random() * ceilingMs);
}

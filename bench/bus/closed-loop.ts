import { type Summary, summarize } from '../statistics.ts';

/** What one closed loop of work came to. */
export interface LoopResult {
  readonly perSecond: number;
  readonly seconds: number;
  /** Of one piece of work, in milliseconds. */
  readonly latency: Summary;
}

/** Does `count` pieces of work, always `inFlight` of them at once. Rejects with the first that fails. */
export async function closedLoop(
  count: number,
  inFlight: number,
  work: (index: number) => Promise<unknown>,
): Promise<LoopResult> {
  const latencies: number[] = [];
  let next = 0;
  const startedAt = performance.now();
  const lane = async (): Promise<void> => {
    while (next < count) {
      const begunAt = performance.now();
      await work(next++);
      latencies.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
  const seconds = (performance.now() - startedAt) / 1000;
  return { perSecond: count / seconds, seconds, latency: summarize(latencies) };
}

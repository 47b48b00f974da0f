import { setTimeout } from 'node:timers/promises';
import { round, summarize } from '../statistics.ts';
import { startOlympus } from './olympus.ts';
import { cpuMs, residentMb } from './process-cost.ts';

const AGENTS = 40;
const TASKS_AN_HOUR = 200;
const SAMPLE_MS = 10_000;

/** Forty agents with a steady trickle of work: whether control stays as small and as quick as it was. */
export async function soak(minutes: number): Promise<object> {
  await using peer = await startOlympus(AGENTS, 2);
  const { control } = peer.pids;
  const everyMs = 3_600_000 / (AGENTS * TASKS_AN_HOUR);
  const endsAt = performance.now() + minutes * 60_000;
  const latencies: number[] = [];
  const memory: number[] = [];
  const cpuBefore = cpuMs(control);
  const underWay = new Set<Promise<void>>();
  let sampledAt = 0;
  let index = 0;
  while (performance.now() < endsAt) {
    const begunAt = performance.now();
    const task = peer.task(index++).then(() => {
      latencies.push(performance.now() - begunAt);
      underWay.delete(task);
    });
    underWay.add(task);
    if (begunAt - sampledAt >= SAMPLE_MS) {
      memory.push(residentMb(control));
      sampledAt = begunAt;
    }
    await setTimeout(everyMs); // the rate is what is asked for
  }
  await Promise.all(underWay);
  const { n, p50, p95, max } = summarize(latencies);
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    tasks: n,
    'whole life, ms': {
      p50: round(p50),
      p95: round(p95),
      p99: round(sorted[Math.ceil(0.99 * n) - 1] ?? 0),
      max: round(max),
    },
    'control, MB': { first: memory[0], middle: memory[Math.floor(memory.length / 2)], last: memory.at(-1) },
    'control, percent of one core': round((cpuMs(control) - cpuBefore) / (minutes * 600)),
  };
}

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { waitFor } from '#test/wait.ts';
import { startBullmq } from './bus/bullmq.ts';
import { closedLoop, type LoopResult } from './bus/closed-loop.ts';
import { type OlympusBench, startOlympus } from './bus/olympus.ts';
import type { BusPeer } from './bus/peer.ts';
import { cpuMs, residentMb } from './bus/process-cost.ts';
import { startRaw } from './bus/raw.ts';
import { soak } from './bus/soak.ts';
import { round } from './statistics.ts';

const HELP = `Usage: npm run bench:bus [-- --json] [-- --tasks 5000] [-- --soak 10]

Measures the whole life of a task, from its request to its settled result, on a real bus with a real control plane and
daemons whose harness answers at once. Beside it, in the same run: the same server and client with nothing of ours
between (raw), and BullMQ on a Redis that syncs once a second.

  --tasks <n>        tasks of each measurement with 64 in flight (default: 5000; a tenth of it one at a time)
  --soak <minutes>   instead: 40 agents at 200 tasks an hour each, with heartbeats, for this long
  --json             print one JSON value`;

const IN_FLIGHT = 64;
const BACKLOG = 10_000;

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '5000' },
    soak: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else if (values.soak) print(await soak(Number(values.soak)));
else print(await compare(Number(values.tasks)));

interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly p50?: number;
  readonly [more: string]: number | string | undefined;
}

async function compare(tasks: number): Promise<object> {
  const rows: Row[] = [];
  for (const [what, start] of [
    ['raw JetStream', startRaw],
    ['BullMQ', startBullmq],
    ['Olympus, 4 agents', () => startOlympus(4, 16)],
  ] as const) {
    await using peer = await start();
    rows.push(await measure(what, peer, tasks));
  }
  for (const agents of [10, 40]) {
    await using peer = await startOlympus(agents, 16);
    rows.push(await measure(`Olympus, ${agents} agents`, peer, tasks));
  }
  {
    await using peer = await startOlympus(1, 16);
    rows.push(await measure('Olympus, 1 agent', peer, tasks));
    rows.push(await backlog(peer));
  }
  const [raw, bullmq, ours] = rows;
  return {
    loadAverage: round(loadavg()[0] ?? 0),
    rows,
    ratios: {
      'throughput ÷ raw': ratio(ours?.perSecond, raw?.perSecond),
      'throughput ÷ BullMQ': ratio(ours?.perSecond, bullmq?.perSecond),
      'p50 ÷ raw': ratio(ours?.p50, raw?.p50),
      'p50 ÷ BullMQ': ratio(ours?.p50, bullmq?.p50),
    },
  };
}

async function measure(what: string, peer: BusPeer | OlympusBench, tasks: number): Promise<Row> {
  await closedLoop(Math.ceil(tasks / 10), IN_FLIGHT, peer.task); // compiles what is called often
  const pids = 'pids' in peer ? peer.pids : undefined;
  const before = pids && cpuOf(pids);
  const many = await closedLoop(tasks, IN_FLIGHT, peer.task);
  const after = pids && cpuOf(pids);
  const single = await closedLoop(Math.ceil(tasks / 10), 1, peer.task);
  return {
    ...row(what, many, single),
    ...(before && after
      ? Object.fromEntries(
          Object.entries(after).map(([name, ms]) => [
            `${name} cpu ms a task`,
            round((ms - (before[name] ?? 0)) / tasks),
          ]),
        )
      : {}),
    ...(pids ? { 'control MB': residentMb(pids.control) } : {}),
  };
}

/** How fast a long queue is worked off: what waits must not cost what is done. */
async function backlog(peer: OlympusBench): Promise<Row> {
  const before = peer.completed();
  const startedAt = performance.now();
  const { seconds: asking } = await closedLoop(BACKLOG, IN_FLIGHT, peer.ask);
  const waiting = BACKLOG - (peer.completed() - before);
  await waitFor('the back-log to be worked off', () => peer.completed() - before >= BACKLOG, {
    timeoutMs: 900_000,
    everyMs: 20,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    what: `${BACKLOG} asked for in ${round(asking)} s, 1 agent; ${waiting} waited then`,
    perSecond: Math.round(BACKLOG / seconds),
  };
}

function cpuOf(pids: OlympusBench['pids']): Record<string, number> {
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuMs(pid)]));
}

function row(what: string, many: LoopResult, single: LoopResult): Row {
  return {
    what,
    perSecond: Math.round(many.perSecond),
    p50: round(single.latency.p50),
    p95: round(single.latency.p95),
  };
}

function ratio(a = Number.NaN, b = Number.NaN): number {
  return Math.round((a / b) * 100) / 100;
}

function print(result: object): void {
  if (values.json) {
    console.log(JSON.stringify(result, undefined, 2));
    return;
  }
  for (const [name, value] of Object.entries(result)) {
    if (Array.isArray(value)) console.table(value);
    else console.log(name, value);
  }
}

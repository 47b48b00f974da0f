import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { TaskDetail, TaskView } from '#core/api.ts';
import type { StopView } from '#core/api-stop.ts';
import { systemClock } from '#lib/clock.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { round, type Summary, summarize } from './statistics.ts';
import { type StopFleet, startStopFleet } from './stop-all/fleet.ts';

const HELP = `Usage: npm run bench:stop-all [-- --json] [-- --rounds 5] [-- --agents 4] [-- --runs 8] [-- --watchdog 60]

Measures how long an emergency stop takes until each run is stopped: real control plane, bus and daemons as processes of their
own, with runs under way on all of them. Two of the agents are in trouble: the gateway of one has a turn at work and answers nothing any
more, and the daemon of another is stopped by SIGSTOP before. A turn counts as ended when whoever runs it says so, outside of what is measured;
beside it stands when the control plane says that the task is cancelled.

Systemd is played: the gateway comes back at once when it was killed, and a daemon that is stopped is killed when its watchdog's time
is over, and started again 5 s later.

  --rounds <n>    stops (default: 5)
  --agents <n>    agents that are not in trouble (default: 4)
  --runs <n>      runs of each of those; the stopped daemon has 2, the wedged gateway 1 (default: 8)
  --watchdog <s>  after how long systemd ends a daemon that says nothing (default: 60, as the role has it)
  --json          print one JSON value`;

const RESTART_SEC_MS = 5_000;
const POLL_MS = 10;
const GIVE_UP_MS = 600_000;
const kinds = ['plain', 'wedged', 'frozen'] as const;
type Kind = (typeof kinds)[number];

/** One run and when it has ended, in milliseconds after the stop. */
interface Ending {
  readonly kind: Kind;
  readonly taskId: string;
  readonly runId: string;
  turnMs?: number;
  toldMs?: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    agents: { type: 'string', default: '4' },
    runs: { type: 'string', default: '8' },
    watchdog: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else await main(Number(values.rounds), Number(values.agents), Number(values.runs), Number(values.watchdog));

async function main(rounds: number, agents: number, runs: number, watchdogSeconds: number): Promise<void> {
  await using dir = await tempDir('bench-stop');
  await using bench = await startStopFleet(dir.path, agents, runs);
  const endings: Ending[] = [];
  for (let index = 0; index < rounds; index++) {
    endings.push(...(await stopOnce(bench, runs, watchdogSeconds * 1000)));
  }
  const of = (key: 'turnMs' | 'toldMs') =>
    Object.fromEntries(
      kinds.map((kind) => {
        const ended = endings.filter((each) => each.kind === kind);
        return [kind, summarize(ended.map((each) => each[key] ?? Number.NaN))];
      }),
    ) as Record<Kind, Summary>;
  const report = {
    rounds,
    agents,
    runs,
    watchdogSeconds,
    turnMs: of('turnMs'),
    toldMs: of('toldMs'),
    load: round(loadavg()[0] ?? 0),
  };
  console.log(values.json ? JSON.stringify(report) : asTable(report));
}

/** Has runs under way everywhere, stops all, and waits until every one has ended. */
async function stopOnce(bench: StopFleet, runs: number, watchdogMs: number): Promise<Ending[]> {
  const { fleet, plain, wedged, frozen, api } = bench;
  for (const name of [...plain, wedged, frozen]) await untilReady(bench, name);
  const asked = [
    ...plain.flatMap((name) => Array.from({ length: runs }, () => ['plain', name] as const)),
    ['wedged', wedged] as const,
    ...Array.from({ length: 2 }, () => ['frozen', frozen] as const),
  ];
  const endings = await Promise.all(
    asked.map(async ([kind, agent]): Promise<Ending> => {
      const { id } = TaskView.parse(
        await api('POST', 'tasks', { agent, text: 'go on for ever', by: 'bench' }),
      );
      const runId = await waitFor(`a run of ${kind} to be at work`, () => runAtWork(bench, id, kind), {
        timeoutMs: 120_000,
      });
      return { kind, taskId: id, runId };
    }),
  );
  const daemon = fleet.agents.get(frozen)?.process;
  if (!daemon) throw new Error('there is no daemon to be frozen');
  daemon.kill('SIGSTOP');
  const since = performance.now();
  const revived = revive(daemon, watchdogMs);
  const stopped = await api<StopView>('POST', 'stop', { by: 'bench', why: 'it is measured' });
  if (stopped.runs !== endings.length)
    throw new Error(`${stopped.runs} of ${endings.length} runs are being ended`);
  await Promise.all([untilTurnsEnd(bench, endings, since), untilTold(bench, endings, since), revived]);
  return endings;
}

async function untilReady({ api }: StopFleet, name: string): Promise<void> {
  await waitFor(
    `${name} to be ready`,
    async () => {
      const { phase, drain } = await api<{ phase: string; drain?: object }>('GET', `agents/${name}`);
      if (drain) await api('POST', `agents/${name}/resume`, { by: 'bench' });
      return phase === 'Ready' && !drain;
    },
    { timeoutMs: 120_000, everyMs: 200 },
  );
}

/** The run of a task, once its turn is at work. */
async function runAtWork(
  { api, atWork, wedgedAtWork }: StopFleet,
  id: string,
  kind: Kind,
): Promise<string | undefined> {
  const run = TaskDetail.parse(await api('GET', `tasks/${id}`)).runs[0];
  if (!run) return undefined;
  const isAtWork = kind === 'wedged' ? wedgedAtWork() : (await atWork()).has(run.id);
  return isAtWork ? run.id : undefined;
}

/** What systemd does about a daemon that its watchdog does not hear of. */
async function revive(daemon: { halt(): Promise<void>; spawn(): void }, watchdogMs: number): Promise<void> {
  const never = new AbortController().signal;
  await systemClock.sleep(watchdogMs, never);
  await daemon.halt();
  await systemClock.sleep(RESTART_SEC_MS, never);
  daemon.spawn();
}

async function untilTurnsEnd(bench: StopFleet, endings: readonly Ending[], since: number): Promise<void> {
  const open = new Set(endings);
  await waitFor(
    'every turn to end',
    async () => {
      const atWork = await bench.atWork();
      const now = performance.now() - since;
      for (const each of open) {
        if (each.kind === 'wedged' ? bench.wedgedAtWork() : atWork.has(each.runId)) continue;
        each.turnMs = now;
        open.delete(each);
      }
      return open.size === 0;
    },
    { timeoutMs: GIVE_UP_MS, everyMs: POLL_MS },
  );
}

async function untilTold({ api }: StopFleet, endings: readonly Ending[], since: number): Promise<void> {
  const open = new Map(endings.map((each) => [each.taskId, each]));
  await waitFor(
    'every task to be cancelled',
    async () => {
      const { tasks } = await api<{ tasks: unknown[] }>('GET', 'tasks?state=cancelled&limit=500');
      const now = performance.now() - since;
      for (const { id } of tasks.map((task) => TaskView.parse(task))) {
        const ending = open.get(id);
        if (ending) ending.toldMs = now;
        open.delete(id);
      }
      return open.size === 0;
    },
    { timeoutMs: GIVE_UP_MS, everyMs: 5 * POLL_MS },
  );
}

interface Report {
  readonly rounds: number;
  readonly agents: number;
  readonly runs: number;
  readonly watchdogSeconds: number;
  readonly turnMs: Record<Kind, Summary>;
  readonly toldMs: Record<Kind, Summary>;
  readonly load: number;
}

function asTable({ rounds, agents, runs, watchdogSeconds, turnMs, toldMs, load }: Report): string {
  const row = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(44)} ${cells.map((cell) => cell.padStart(8)).join('')}`;
  const line = (name: string, { n, p50, p99, max }: Summary): string =>
    row(name, [String(n), ...[p50, p99, max].map((each) => String(Math.round(each)))]);
  return [
    `${rounds} stops of ${agents} agents with ${runs} runs each, and two in trouble; watchdog ${watchdogSeconds} s; load average (1 min) ${load}`,
    row('milliseconds after the stop', ['runs', 'p50', 'p99', 'max']),
    line('turn ended: agents not in trouble', turnMs.plain),
    line('turn ended: wedged gateway', turnMs.wedged),
    line('turn ended: daemon stopped by SIGSTOP', turnMs.frozen),
    line('told as cancelled: agents not in trouble', toldMs.plain),
    line('told as cancelled: wedged gateway', toldMs.wedged),
    line('told as cancelled: daemon stopped by SIGSTOP', toldMs.frozen),
  ].join('\n');
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { TaskDetail, TaskView } from '#core/api.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { publish } from '#integrations/nats/publisher.ts';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { type LocalFleet, prepareLocalFleet } from '#lab/local/local-fleet.ts';
import type { ProcessPart } from '#lab/local/process-part.ts';
import { ensureNatsServer } from '#lab/tools/nats-server.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { systemClock } from '#lib/clock.ts';
import { cacheDirectory } from '#lib/config.ts';
import { newId } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import { round, type Summary, summarize } from './statistics.ts';

const HELP = `Usage: npm run bench:path [-- --json] [-- --mentions 60]

Measures the path from a mention to its answer on a fleet of local processes, one mention at a time: what Olympus adds
to the model and the gateway, how much memory its two processes take at rest, and how long they take to be ready.
The floor, measured in the same run, is what the path cannot do without: durable commits and publishes.`;

const IDLE_MS = 15_000;
/** Durable steps between the post and the start of the run, and between the result and the reply. */
const COMMITS_ON_PATH = 8;
const PUBLISHES_ON_PATH = 4;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    mentions: { type: 'string', default: '60' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else await main(Number(values.mentions), values.json ?? false);

async function main(mentions: number, json: boolean): Promise<void> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'olympus-bench-'));
  const signal = AbortSignal.timeout(900_000);
  const cache = cacheDirectory(process.env);
  const fleet = await prepareLocalFleet({
    stateDir,
    root: path.resolve(import.meta.dirname, '..'),
    agents: ['athena'],
    tools: {
      natsServer: await ensureNatsServer(cache, signal),
      openclawEntry: openclawEntry(await ensureOpenclaw(cache, signal)),
    },
    ports: 'any',
    // One person mentions her as fast as she answers.
    settings: { OLYMPUS_REQUESTS_PER_MINUTE: '10000' },
    log: createLogger({ name: 'bench', level: 'fatal' }),
    clock: systemClock,
  });
  try {
    await fleet.lifecycle.start();
    const samples = await measureMentions(fleet, mentions, signal);
    const readyMs = await measureStarts(fleet, signal);
    await systemClock.sleep(IDLE_MS, signal);
    const report = {
      ...samples,
      floorMs: await measureFloor(fleet, stateDir, signal),
      idleRssMb: await measureMemory(fleet),
      startToReadyMs: readyMs,
      load: round(loadavg()[0] ?? 0),
    };
    if (json) console.log(JSON.stringify(report));
    else print(report);
  } finally {
    await fleet.lifecycle.stop(20_000);
    await rm(stateDir, { recursive: true, force: true });
  }
}

type Report = Awaited<ReturnType<typeof measureMentions>> & {
  readonly floorMs: Awaited<ReturnType<typeof measureFloor>>;
  readonly idleRssMb: { readonly daemon: number; readonly control: number };
  readonly startToReadyMs: { readonly daemon: number; readonly control: number };
  readonly load: number;
};

/** One mention after another; times are of the servers that wrote them, all on this machine's clock. */
async function measureMentions(fleet: LocalFleet, mentions: number, signal: AbortSignal) {
  const chat = new MattermostRest(fleet.mattermost.url, fleet.human.token);
  const channel = (await chat.channels(signal)).find((each) => each.name === 'town-square');
  if (!channel) throw new Error('there is no town-square');
  const series = { seen: [], started: [], replied: [], overhead: [], turn: [] } as Record<string, number[]>;
  for (let index = 0; index < mentions + 5; index++) {
    const text = `bench ${index} ${newId(systemClock.now())}`;
    const marks = { marker: text, depth: 0 };
    const asked = await chat.post(
      { channelId: channel.id, rootId: '', message: `@athena ${text}`, marks },
      signal,
    );
    const reply = await untilDone(chat, asked.id, signal);
    const reactions = await chat.reactions(asked.id, signal);
    const run = await runOf(fleet, text, signal);
    if (index < 5) continue; // the first ones warm the caches of every process
    const eyes = reactions.find((each) => each.emoji_name === 'eyes');
    const before = Date.parse(run.startedAt) - asked.create_at;
    const after = reply.create_at - Date.parse(run.finishedAt);
    series['seen']?.push((eyes?.create_at ?? Number.NaN) - asked.create_at);
    series['started']?.push(before);
    series['replied']?.push(after);
    series['overhead']?.push(before + after);
    series['turn']?.push(Date.parse(run.finishedAt) - Date.parse(run.startedAt));
  }
  return {
    eventToEyesMs: summarize(series['seen'] ?? []),
    eventToRunStartedMs: summarize(series['started'] ?? []),
    resultToReplyMs: summarize(series['replied'] ?? []),
    overheadMs: summarize(series['overhead'] ?? []),
    gatewayTurnMs: summarize(series['turn'] ?? []),
  };
}

async function untilDone(chat: MattermostRest, rootId: string, signal: AbortSignal) {
  while (true) {
    signal.throwIfAborted();
    const reactions = await chat.reactions(rootId, signal);
    const reply = (await chat.thread(rootId, signal)).find((post) => post.id !== rootId);
    if (reply && reactions.some((each) => each.emoji_name === 'white_check_mark')) return reply;
    await systemClock.sleep(50, signal);
  }
}

async function runOf(fleet: LocalFleet, text: string, signal: AbortSignal) {
  const get = async (route: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${fleet.control.token}` };
    return (await fetch(`${fleet.control.url}/v1/${route}`, { headers, signal })).json();
  };
  const { tasks } = (await get('tasks?limit=5')) as { tasks: unknown[] };
  const task = tasks.map((each) => TaskView.parse(each)).find((each) => each.text === text);
  const run = TaskDetail.parse(await get(`tasks/${task?.id}`)).runs[0];
  if (!run?.startedAt || !run.finishedAt) throw new Error(`the run of "${text}" has no times`);
  return { startedAt: run.startedAt, finishedAt: run.finishedAt };
}

/** What one durable commit and one durable publish cost here and now. */
async function measureFloor(fleet: LocalFleet, stateDir: string, signal: AbortSignal) {
  const db = new SqliteDatabase(path.join(stateDir, 'floor.sqlite'), ['CREATE TABLE t (v TEXT) STRICT;']);
  const commits = Array.from({ length: 200 }, () =>
    timed(() => db.transaction(() => db.run('INSERT INTO t VALUES (?)', 'x'.repeat(500)))),
  );
  await db.close();
  const bus = new BusConnection({
    url: fleet.nats.url,
    name: 'bench',
    seed: fleet.nats.observerSeed,
    log: createLogger({ name: 'bench', level: 'fatal' }),
  });
  await bus.start();
  while (!bus.connected) await systemClock.sleep(20, signal);
  const publishes: number[] = [];
  for (let index = 0; index < 200; index++) {
    const since = performance.now();
    const message = {
      subject: `olympus.runs.bench.${index}.progress`,
      body: '{}',
      msgId: newId(systemClock.now()),
    };
    await publish(bus, message);
    publishes.push(performance.now() - since);
  }
  await bus.stop();
  const commitMs = summarize(commits).p50;
  const publishMs = summarize(publishes).p50;
  return { commitMs, publishMs, pathMs: COMMITS_ON_PATH * commitMs + PUBLISHES_ON_PATH * publishMs };
}

function timed(work: () => unknown): number {
  const since = performance.now();
  work();
  return performance.now() - since;
}

async function measureStarts(fleet: LocalFleet, signal: AbortSignal) {
  const again = async (process: ProcessPart): Promise<number> => {
    await process.stop();
    const since = performance.now();
    await process.start(signal);
    return Math.round(performance.now() - since);
  };
  const control = await again(fleet.control.process);
  const daemon = await again(daemonOf(fleet));
  return { control, daemon };
}

async function measureMemory(fleet: LocalFleet) {
  const rss = async (process: ProcessPart): Promise<number> => {
    const status = await readFile(`/proc/${process.pid}/status`, 'utf8');
    return round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
  };
  return { daemon: await rss(daemonOf(fleet)), control: await rss(fleet.control.process) };
}

function daemonOf(fleet: LocalFleet): ProcessPart {
  const daemon = fleet.agents.get('athena')?.daemon;
  if (!daemon) throw new Error('there is no athena');
  return daemon;
}

function print(report: Report): void {
  const line = (name: string, { p50, p95, max }: Summary): void =>
    console.log(
      `${name.padEnd(28)} ${[p50, p95, max].map((each) => String(round(each)).padStart(8)).join('')}`,
    );
  console.log(
    `${'milliseconds'.padEnd(28)} ${['p50', 'p95', 'max'].map((each) => each.padStart(8)).join('')}`,
  );
  line('event → 👀', report.eventToEyesMs);
  line('event → run started', report.eventToRunStartedMs);
  line('result → reply', report.resultToReplyMs);
  line('both: overhead', report.overheadMs);
  line('the turn in the gateway', report.gatewayTurnMs);
  const { commitMs, publishMs, pathMs } = report.floorMs;
  console.log(`\nfloor: a commit ${commitMs.toFixed(2)} ms, a publish ${publishMs.toFixed(2)} ms`);
  console.log(
    `floor of the path (${COMMITS_ON_PATH} commits, ${PUBLISHES_ON_PATH} publishes): ${round(pathMs)} ms`,
  );
  console.log(`overhead ÷ floor at p50: ${round(report.overheadMs.p50 / pathMs)}`);
  console.log(
    `\nidle memory (RSS): daemon ${report.idleRssMb.daemon} MB, control ${report.idleRssMb.control} MB`,
  );
  console.log(
    `start to ready: daemon ${report.startToReadyMs.daemon} ms, control ${report.startToReadyMs.control} ms`,
  );
  console.log(`load average (1 min): ${report.load}`);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NatsConnection } from 'nats';
import { messageOf } from '#core/errors.ts';
import { isTerminal } from '#core/task-states.ts';
import { ControlSurface } from '../control-surface.ts';
import { waitFor } from '../wait.ts';
import { Askers } from './askers.ts';
import { ChaosBus, connectAs } from './bus.ts';
import { Clocks } from './clocks.ts';
import { ControlApi } from './control-api.ts';
import { Disks } from './disks.ts';
import { Faults } from './faults.ts';
import { prepareScriptedFleet, type ScriptedFleet } from './fleet.ts';
import { happenedTwice, violationsOf } from './invariants.ts';
import { readEffects, readTasks } from './ledger.ts';
import { type FaultKind, planOf } from './plan.ts';
import { PlayedAgent } from './played-agent.ts';
import { untilAtRest } from './rest.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly agents: number;
  /** Which faults; each happens at least once. */
  readonly kinds: readonly FaultKind[];
  /** In each round they come in the order of `kinds`, instead of one that follows from the seed. */
  readonly inOrder?: boolean;
  /** No fault is begun after this long, but for the first of each kind. */
  readonly limitMs: number;
  /** The checkout that the fleet's processes run from. */
  readonly root: string;
  /** Whether state and logs stay when something was violated. */
  readonly keep?: boolean;
  readonly onProgress?: (progress: ChaosProgress) => void;
  /** Ends it early: faults are over, and it is checked what there is. */
  readonly signal?: AbortSignal;
}

export interface ChaosProgress {
  readonly asked: number;
  readonly ended: number;
  readonly faults: number;
  readonly doing: string;
}

export interface ChaosReport {
  readonly seed: number;
  readonly tasks: number;
  readonly duplicates: number;
  readonly runs: number;
  readonly effects: number;
  /** State → how many tasks ended in it. */
  readonly ends: Readonly<Record<string, number>>;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Kinds that cannot happen here, and why. */
  readonly leftOut: Readonly<Partial<Record<FaultKind, string>>>;
  readonly seconds: number;
  readonly violations: readonly string[];
  /** Where state and logs are, kept because of the violations. */
  readonly kept?: string;
}

const PLAYED = 'charon';
/** As many as are done while one fault lasts. */
const LARGEST_CHUNK = 60;
/** Faults end a little before the work does: at its end there is little left that they could hit. */
const NEARLY_ALL = 0.9;
/** Far above what is asked here: how much may be asked is not what is tried. */
const SETTINGS = {
  OLYMPUS_REQUESTS_PER_MINUTE: '1000000',
  OLYMPUS_RETRY_SCALE: '0.05',
  OLYMPUS_SWEEP_MS: '2000',
};

/** Runs a whole fleet under faults, lets it heal, and says what was not as promised. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const startedAt = performance.now();
  const dir = await mkdtemp(path.join(tmpdir(), 'olympus-chaos-'));
  const disks = new Disks();
  let kept = options.keep ?? true;
  try {
    const agents = Array.from({ length: options.agents }, (_, index) => `hero-${index + 1}`);
    for (const name of ['control', ...agents.map((agent) => path.join('daemons', agent))]) {
      await disks.mount(path.join(dir, name));
    }
    const clocks = new Clocks(dir);
    await using fleet = await prepareScriptedFleet({
      dir,
      root: options.root,
      agents,
      played: [PLAYED],
      settings: SETTINGS,
      envOf: (name) => clocks.envOf(name),
    });
    const report = await inflictAll(options, { fleet, disks, clocks, startedAt });
    kept &&= report.violations.length > 0;
    return kept ? { ...report, kept: dir } : report;
  } catch (error) {
    const where = kept ? `; state and logs: ${dir}` : '';
    throw new Error(`chaos could not be brought to its end: ${messageOf(error)}${where}`, { cause: error });
  } finally {
    if (kept) await disks.keep();
    await disks[Symbol.asyncDispose]();
    if (!kept) await rm(dir, { recursive: true, force: true });
  }
}

interface Stage {
  readonly fleet: ScriptedFleet;
  readonly disks: Disks;
  readonly clocks: Clocks;
  readonly startedAt: number;
}

async function inflictAll(options: ChaosOptions, stage: Stage): Promise<ChaosReport> {
  const { seed, tasks, kinds, inOrder = false, limitMs, onProgress = () => undefined, signal } = options;
  const { fleet, disks, clocks, startedAt } = stage;
  await fleet.start();
  await using connections = new AsyncDisposableStack();
  const connectionOf = async (name: string): Promise<NatsConnection> =>
    connections.adopt(await connectAs(fleet.nats.url, fleet.seedOf(name), `_INBOX_${name}`), (each) =>
      each.close(),
    );
  const bus = connections.use(await ChaosBus.open(fleet.nats.url, fleet.seedOf('control')));
  const api = new ControlApi(fleet.control);
  const harness = new ControlSurface(fleet.harness.adminUrl);
  const names = [...fleet.agents.keys()];
  const asAgents = new Map<string, NatsConnection>();
  for (const name of names) asAgents.set(name, await connectionOf(name));
  const played = new PlayedAgent(PLAYED, await connectionOf(PLAYED), api);
  await played.register();
  await untilKnown(api, names);

  const leftOut = leftOutOf(kinds, disks, clocks);
  const possible = kinds.filter((kind) => leftOut[kind] === undefined);
  const askers = new Askers({ seed, tasks, agents: names, connections: asAgents, api });
  await harness.post('script', { rules: rulesFor(askers) });
  const faults = new Faults({ fleet, bus, harness, disks, clocks, played });
  let done = 0;
  const progress = (doing: string): number => {
    const states = readTasks(fleet.control.stateDir).tasks.map(({ state }) => state);
    const ended = states.filter(isTerminal).length;
    onProgress({ asked: askers.asked.length, ended, faults: done, doing });
    return ended;
  };

  const asking = askers.run();
  asking.catch(() => undefined); // awaited below, when the faults are over
  // Few enough that the work lasts as long as the faults, and the faults as long as the work.
  const chunk = Math.min(LARGEST_CHUNK, Math.ceil(tasks / Math.max(1, possible.length)));
  for (const fault of planOf(seed, { kinds: possible, agents: names.length, inOrder })) {
    const ended = progress(fault.kind);
    const isOver = performance.now() - startedAt > limitMs || ended > tasks * NEARLY_ALL;
    if (signal?.aborted || (done >= possible.length && isOver)) break;
    askers.allow(chunk);
    await faults.inflict(fault);
    done += 1;
  }
  askers.allow(tasks);
  progress('healing');
  await asking;
  await faults.heal();
  progress('waiting for rest');
  // What happened twice already nothing can mend: what else there is need not be waited for.
  const twice = happenedTwice(await readEffects(fleet.harness.effectsFile), await bus.toldTwice());
  const restless = twice.length > 0 ? twice : await untilAtRest(fleet, bus);
  progress('checking');
  const { tasks: rows, runs } = readTasks(fleet.control.stateDir);
  const effects = await readEffects(fleet.harness.effectsFile);
  const audit = (await api.call('GET', 'audit/verify')).body;
  const toldTwice = await bus.toldTwice();
  const evidence = { asked: askers.asked, tasks: rows, runs, effects, played: PLAYED, audit, toldTwice };
  const never = possible.filter((kind) => !faults.counts.has(kind));
  return {
    seed,
    tasks: askers.asked.length,
    duplicates: askers.duplicates,
    runs: runs.length,
    effects: [...effects.values()].reduce((sum, count) => sum + count, 0),
    ends: countsOf(rows.map(({ state }) => state)),
    faults: Object.fromEntries(faults.counts),
    leftOut,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    violations: [
      ...restless,
      ...(twice.length > 0 ? [] : violationsOf(evidence)),
      ...never.map((kind) => `${kind} was planned and never happened`),
    ],
  };
}

async function untilKnown(api: ControlApi, names: readonly string[]): Promise<void> {
  await waitFor(
    'every agent to be known',
    async () => {
      const text = JSON.stringify((await api.call('GET', 'agents')).body);
      return names.every((name) => text.includes(`"${name}"`));
    },
    { timeoutMs: 60_000 },
  );
}

function leftOutOf(
  kinds: readonly FaultKind[],
  disks: Disks,
  clocks: Clocks,
): Partial<Record<FaultKind, string>> {
  const reasonFor = (kind: FaultKind): string | undefined => {
    if (kind.startsWith('full-disk')) return disks.missing;
    return kind.startsWith('clock') ? clocks.missing : undefined;
  };
  return Object.fromEntries(
    kinds.flatMap((kind) => {
      const reason = reasonFor(kind);
      return reason ? [[kind, reason]] : [];
    }),
  );
}

/** What the script does with each kind of work; what it has no rule for is answered at once. */
function rulesFor(askers: Askers): object[] {
  const always = 1_000_000;
  const rules = [
    { match: '[slow]', times: always, behaviour: { durationMs: 1500, tools: ['saw', 'plane'] } },
    { match: '[hard]', times: always, behaviour: { failure: 'invalid_input' } },
    { match: '[endless]', times: always, behaviour: { neverEnds: true } },
  ];
  const flaky = askers.count('flaky');
  if (flaky === 0) return rules;
  return [...rules, { match: '[flaky]', times: flaky, behaviour: { failure: 'model_overloaded' } }];
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf } from '#core/errors.ts';
import { isTerminal } from '#core/task-states.ts';
import { Disks } from './disks.ts';
import { type Evidence, happenedTwice, violationsOf } from './invariants.ts';
import { readEffects, readTasks } from './ledger.ts';
import type { MutationName } from './mutations.ts';
import { type Fault, type FaultKind, planOf } from './plan.ts';
import { replayCommand } from './replay.ts';
import { untilAtRest } from './rest.ts';
import { openScene, PLAYED, type Scene } from './scene.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly agents: number;
  /** Which faults; each happens at least once. */
  readonly kinds: readonly FaultKind[];
  /** In each round they come in the order of `kinds`, instead of one that follows from the seed. */
  readonly inOrder?: boolean;
  /** How long each fault lasts, instead of as long as the seed says. */
  readonly holdMs?: number | undefined;
  /** No fault is begun after this long, but for the first of each kind. */
  readonly limitMs: number;
  /** The checkout that the fleet's processes run from. */
  readonly root: string;
  /** Which mutation that is, where it is one. */
  readonly mutation?: MutationName | undefined;
  /** Whether state and logs stay when something was violated. */
  readonly keep?: boolean;
  readonly onProgress?: (progress: ChaosProgress) => void;
  /** Takes it for a violation when a kind of fault cannot happen here. */
  readonly strict?: boolean;
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
  /** Each fault that has happened, in this order. */
  readonly inflicted: readonly Fault[];
  /** Kinds that cannot happen here, and why. */
  readonly leftOut: Readonly<Partial<Record<FaultKind, string>>>;
  readonly seconds: number;
  readonly violations: readonly string[];
  /** Where state and logs are, kept because of the violations. */
  readonly kept?: string;
  /** The command that does the same again. */
  readonly replay: string;
}

/** As many as are done while one fault lasts. */
const LARGEST_CHUNK = 60;
/** Faults end a little before the work does: at its end there is little left that they could hit. */
const NEARLY_ALL = 0.9;

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
    await using scene = await openScene(options, { dir, agents, disks });
    await disturb(scene, options, startedAt + options.limitMs);
    await scene.faults.heal();
    const report = await judge(scene, options);
    kept &&= report.violations.length > 0;
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    return { ...report, seconds, replay: replayCommand(options), ...(kept ? { kept: dir } : {}) };
  } catch (error) {
    const where = kept ? `; state and logs: ${dir}` : '';
    throw new Error(
      `chaos could not be brought to its end: ${messageOf(error)}${where}\nagain: ${replayCommand(options)}`,
      { cause: error },
    );
  } finally {
    if (kept) await disks.keep();
    await disks[Symbol.asyncDispose]();
    if (!kept) await rm(dir, { recursive: true, force: true });
  }
}

/** Has all tasks asked for, and one fault after the other happen meanwhile. */
async function disturb(scene: Scene, options: ChaosOptions, endsAt: number): Promise<void> {
  const { fleet, askers, faults, possible } = scene;
  const { seed, tasks, inOrder = false, holdMs, signal } = options;
  const asking = askers.run();
  asking.catch(() => undefined); // awaited below, when the faults are over
  // Few enough that the work lasts as long as the faults, and the faults as long as the work.
  const chunk = Math.min(LARGEST_CHUNK, Math.ceil(tasks / possible.length));
  let done = 0;
  for (const fault of planOf(seed, { kinds: possible, agents: fleet.agents.size, inOrder })) {
    const isOver = performance.now() > endsAt || endedIn(scene) > tasks * NEARLY_ALL;
    if (signal?.aborted || (done >= possible.length && isOver)) break;
    tell(scene, options, done, fault.kind);
    // A part is under way when it begins, the other is asked for while it lasts.
    const before = Math.ceil(chunk / 2);
    askers.allow(before);
    await faults.inflict({ ...fault, holdMs: holdMs ?? fault.holdMs }, () => askers.allow(chunk - before));
    done += 1;
  }
  tell(scene, options, done, 'healing and waiting for rest');
  askers.allow(tasks);
  await asking;
}

function tell(scene: Scene, { onProgress }: ChaosOptions, faults: number, doing: string): void {
  onProgress?.({ asked: scene.askers.asked.length, ended: endedIn(scene), faults, doing });
}

function endedIn({ fleet }: Scene): number {
  return readTasks(fleet.control.stateDir).tasks.filter(({ state }) => isTerminal(state)).length;
}

/** Waits until the healed fleet is at rest, and holds what is there against what was promised. */
async function judge(
  scene: Scene,
  { seed, strict = false }: ChaosOptions,
): Promise<Omit<ChaosReport, 'seconds' | 'replay'>> {
  const { fleet, bus, askers, faults, possible, leftOut } = scene;
  // What happened twice already nothing can mend: what else there is need not be waited for.
  const twice = happenedTwice(await readEffects(fleet.harness.effectsFile), await bus.toldTwice());
  const restless = twice.length > 0 ? [] : await untilAtRest(fleet, bus);
  const evidence = await gather(scene);
  const never = possible.filter((kind) => !faults.counts.has(kind));
  return {
    seed,
    tasks: askers.asked.length,
    duplicates: askers.duplicates,
    runs: evidence.runs.length,
    effects: [...evidence.effects.values()].reduce((sum, count) => sum + count, 0),
    ends: countsOf(evidence.tasks.map(({ state }) => state)),
    faults: Object.fromEntries(faults.counts),
    inflicted: faults.inflicted,
    leftOut,
    violations: [
      ...restless,
      ...(twice.length > 0 ? twice : violationsOf(evidence)),
      ...never.map((kind) => `${kind} was planned and never happened`),
      ...(strict ? Object.entries(leftOut).map(([kind, why]) => `${kind} was left out: ${why}`) : []),
    ],
  };
}

async function gather({ fleet, bus, api, askers }: Scene): Promise<Evidence> {
  const { tasks, runs } = readTasks(fleet.control.stateDir);
  return {
    asked: askers.asked,
    tasks,
    runs,
    effects: await readEffects(fleet.harness.effectsFile),
    played: PLAYED,
    audit: (await api.call('GET', 'audit/verify')).body,
    toldTwice: await bus.toldTwice(),
  };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

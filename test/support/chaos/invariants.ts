import { AuditVerdict } from '#core/api.ts';
import { failureClasses } from '#core/failures.ts';
import { isTerminal, type TaskState } from '#core/task-states.ts';
import type { Asked, KindOfWork } from './askers.ts';
import type { RunRow, TaskRow } from './ledger.ts';

/** All that is known about a run of chaos once it is over. */
export interface Evidence {
  readonly asked: readonly Asked[];
  readonly tasks: readonly TaskRow[];
  readonly runs: readonly RunRow[];
  /** Run → how often its turn had its effect. */
  readonly effects: ReadonlyMap<string, number>;
  /** The agent whose runs had no turn. */
  readonly played: string;
  readonly audit: unknown;
  /** Facts that stand in a stream twice. */
  readonly toldTwice: readonly string[];
}

/** Ends that a task of this kind may have. */
const ENDS: Readonly<Record<KindOfWork, readonly TaskState[]>> = {
  plain: ['completed'],
  slow: ['completed'],
  // Its last attempt may have failed as well.
  flaky: ['completed', 'failed'],
  hard: ['failed'],
  endless: ['cancelled'],
};

/** What is not as it was promised, in a sentence each. */
export function violationsOf(evidence: Evidence): string[] {
  const audit = AuditVerdict.parse(evidence.audit);
  return [
    ...happenedTwice(evidence.effects, evidence.toldTwice),
    ...lostOrDoubled(evidence),
    ...wrongEnds(evidence),
    ...wrongEffects(evidence),
    ...repeatedEffects(evidence),
    ...wrongAnswers(evidence),
    ...(audit.kind === 'whole' ? [] : [`the audit chain is broken: ${audit.sentence}`]),
  ];
}

/** Effects and facts that there are more than once. */
export function happenedTwice(effects: Evidence['effects'], toldTwice: Evidence['toldTwice']): string[] {
  return [
    ...[...effects].flatMap(([runId, count]) =>
      count > 1 ? [`run ${runId} had its effect ${count} times`] : [],
    ),
    ...toldTwice.map((fact) => `told twice: ${fact}`),
  ];
}

function lostOrDoubled({ asked, tasks }: Evidence): string[] {
  const counts = new Map<string, number>();
  for (const { dedupKey } of tasks) counts.set(dedupKey, (counts.get(dedupKey) ?? 0) + 1);
  return asked.flatMap(({ dedupKey }) => {
    const count = counts.get(dedupKey) ?? 0;
    if (count === 1) return [];
    return [count === 0 ? `lost: ${dedupKey} was taken and is no task` : `${dedupKey} is ${count} tasks`];
  });
}

function wrongEnds({ asked, tasks }: Evidence): string[] {
  const works = new Map(asked.map(({ dedupKey, work }) => [dedupKey, work]));
  return tasks.flatMap(({ id, dedupKey, state }) => {
    const work = works.get(dedupKey);
    if (!isTerminal(state)) return [`task ${id} (${dedupKey}) has not ended: it is ${state}`];
    if (work && !ENDS[work].includes(state)) return [`task ${id}, ${work}, has ended as ${state}`];
    return [];
  });
}

/** A run that was answered had its effect, and none that was not released. */
function wrongEffects({ runs, effects, played }: Evidence): string[] {
  const known = new Map(runs.map((run) => [run.id, run]));
  const unknown = [...effects.keys()].filter((runId) => !known.has(runId));
  return [
    ...unknown.map((runId) => `run ${runId} had an effect, and control never released it`),
    ...runs.flatMap(({ id, agent, taskId, state }) => {
      const count = effects.get(id) ?? 0;
      if (count === 0 && state === 'completed' && agent !== played) {
        return [`run ${id} of task ${taskId} is completed, and had no effect`];
      }
      return [];
    }),
  ];
}

/**
 * The effect of a task happens again only where that is by design: after a run of which control knows that it was lost or
 * given up, or that it failed in a class that is tried again (at least once, decisions 0020 and 0021). No other run may be
 * followed by one that has an effect too: not a completed one, not one that is still open or is parked, not one that was
 * cancelled. The one who is played has no effects.
 */
function repeatedEffects({ tasks, runs, effects }: Evidence): string[] {
  return tasks.flatMap(({ id, dedupKey }) => {
    const withEffect = runs
      .filter((run) => run.taskId === id && effects.has(run.id))
      .toSorted((a, b) => a.epoch - b.epoch);
    const unexplained = withEffect.slice(0, -1).filter((run) => !mayBeRepeated(run));
    return unexplained.map(
      (run) =>
        `task ${id} (${dedupKey}) had its effect in ${withEffect.length} runs, though run ${run.id} (${run.failure ?? run.state}) is not to be repeated`,
    );
  });
}

/** `agent_lost` is one of these classes. */
function mayBeRepeated({ state, failure, buried }: RunRow): boolean {
  if (buried) return true;
  if (state !== 'failed' || failure === undefined) return false;
  return Object.entries(failureClasses).some(([name, { retryable }]) => name === failure && retryable);
}

/** A completed task has one completed run that counts, the one of its epoch, and its answer is of that one. */
function wrongAnswers({ tasks, runs, played }: Evidence): string[] {
  return tasks.flatMap(({ id, state, epoch, agent, answer }) => {
    if (state !== 'completed') return [];
    const completed = runs.filter((run) => run.taskId === id && run.state === 'completed');
    const current = completed.filter((run) => run.epoch === epoch);
    const [run] = current;
    if (!run || current.length > 1) return [`task ${id} is completed by ${current.length} runs of its epoch`];
    // The one who is played brings what it was told to give up; that is recorded, and does not count.
    if (completed.length > 1 && agent !== played)
      return [`task ${id} has ${completed.length} completed runs`];
    return answer.includes(run.id) ? [] : [`task ${id} is answered by a run that is not its current one`];
  });
}

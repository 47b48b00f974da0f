import { isTerminal } from '#core/task-states.ts';
import { resumeTask } from '../approvals/park.ts';
import { tellAgent } from '../approvals/tell.ts';
import { cancelTask } from '../cancel/cancel.ts';
import { becameOf, cutTo } from '../dependencies/bring.ts';
import type { Delegation } from '../store/delegation-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';

/** Longest answer that a turn is told, in characters: as much as a task may hold. */
const ANSWER_LIMIT = 64_000;

/** Tells the run that waits what came of what it asked another agent, in the caller's transaction. */
export async function tellDelegator(
  tx: Repositories,
  context: ControlContext,
  { task, key, hash, runId }: Delegation,
): Promise<void> {
  const run = await tx.runs.byId(runId);
  if (!run) return;
  const about = { agent: run.agent, taskId: run.taskId, runId, key, hash, by: task.agent };
  await tellAgent(
    tx,
    context,
    task.state === 'completed'
      ? { ...about, state: 'answered', answer: cutTo(task.answer ?? '', ANSWER_LIMIT) }
      : { ...about, state: 'unanswered', why: becameOf(task) },
  );
}

/** Tells who has asked for a task that has just ended, and has a task that was parked for it go on. */
export async function answerDelegator(
  tx: Repositories,
  context: ControlContext,
  ended: TaskRecord,
): Promise<void> {
  const delegation = await tx.delegations.of(ended.id);
  if (!delegation) return;
  await tellDelegator(tx, context, delegation);
  const parent = ended.parentId === undefined ? undefined : await tx.tasks.byId(ended.parentId);
  if (parent) await resumeTask(tx, context, parent);
}

/**
 * Ends what a task that has just ended has asked of others: nobody waits for it any more. One that was put aside may be taken
 * up again, with the answers that are there then.
 */
export async function dropDelegations(
  tx: Repositories,
  context: ControlContext,
  ended: TaskRecord,
): Promise<void> {
  if (ended.state === 'dead_lettered') return;
  for (const { task } of await tx.delegations.by(ended.id)) {
    if (isTerminal(task.state)) continue;
    const why = `task ${ended.id}, for which it was, is ${ended.state}`;
    await cancelTask(tx, context, task, { by: 'control', actor: 'control', why });
  }
}

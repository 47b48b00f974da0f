import type { ApprovalRequest } from '#core/messages/approval-request.ts';
import type { TaskState } from '#core/task-states.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { resumeTask } from './park.ts';
import { tellAgent } from './tell.ts';

/** What a run asks people or another agent, as far as it says which run that is. */
export interface AskedByRun {
  /** In whose name it came over the bus. */
  readonly author: string;
  readonly data: Pick<ApprovalRequest['data'], 'key' | 'taskId' | 'runId' | 'epoch' | 'expiresInMs'>;
  readonly hash: string;
}

/** Where a run is that may ask; `parked`, because the word that it was may overtake what it asked. */
const MAY_ASK: readonly TaskState[] = ['released', 'claimed', 'running', 'parked'];

/** The task for which the run may ask, or why it may not. */
export async function taskOfAsking(
  tx: Repositories,
  { author, data }: AskedByRun,
): Promise<TaskRecord | string> {
  const run = await tx.runs.byId(data.runId);
  if (!run || run.agent !== author || run.taskId !== data.taskId) {
    return 'that run was never released to you for that task';
  }
  const task = await tx.tasks.byId(run.taskId);
  const isCurrent = task && task.epoch === run.epoch && data.epoch === run.epoch;
  if (!isCurrent || !MAY_ASK.includes(task.state))
    return 'that run is over, or is not the one under way any more';
  return task;
}

/** Tells who has asked why nobody is asked; the task of a run that may ask goes on with that. */
export async function refuseAsked(
  tx: Repositories,
  context: ControlContext,
  { author, data, hash }: AskedByRun,
  { reason, task }: { readonly reason: string; readonly task: TaskRecord | undefined },
): Promise<void> {
  const { taskId, runId, key } = data;
  await tellAgent(tx, context, { agent: author, taskId, runId, key, state: 'refused', hash, why: reason });
  if (!task) return;
  if (await tx.runs.refused(runId, context.now())) {
    const state = (await tx.runs.byId(runId))?.state ?? 'released';
    const change = { who: 'control', what: 'refuse', entity: 'run', entityId: runId, state } as const;
    await record(tx, context, { ...change, why: reason });
  }
  await resumeTask(tx, context, task);
}

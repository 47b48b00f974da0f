import { isTerminal, nextTaskState } from '#core/task-states.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';

/**
 * Ends a run that waits for people or other agents: its task is parked, and holds no place of its agent. Told twice, the run has ended
 * already and nothing changes. A task that is to end anyway ends here.
 */
export async function parkTask(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  run: RunRecord,
  told: { readonly usage?: object | undefined; readonly detail?: string | undefined; readonly at: number },
): Promise<void> {
  if (!(await tx.runs.parked(run.id, told))) return;
  const by = `agent/${run.agent}` as const;
  if (task.state === 'cancelling') {
    const reason = task.reason ?? 'cancelled';
    return tellCancelled(tx, context, await advanceTask(tx, context, task, 'cancel', { by, reason }));
  }
  const reason = told.detail ?? 'it waits for what it has asked';
  if (!nextTaskState(task.state, 'park')) {
    const why = `${reason}; its task ${task.id} is ${task.state}`;
    return record(tx, context, {
      who: by,
      what: 'park',
      entity: 'run',
      entityId: run.id,
      state: 'parked',
      why,
    });
  }
  await resumeTask(tx, context, await advanceTask(tx, context, task, 'park', { by, reason }));
}

/**
 * Queues a parked task again once everything that its run has asked is decided, answered, or refused. The first request of a run that
 * is still on its way, because it travels apart from the word that the run was parked, is waited for; a later one may find
 * the task queued, is refused, and is asked again by the next run.
 */
export async function resumeTask(tx: Repositories, context: ControlContext, task: TaskRecord): Promise<void> {
  if (task.state !== 'parked') return;
  const last = (await tx.runs.ofTask(task.id)).at(-1);
  const approvals = await tx.approvals.ofTask(task.id);
  const delegations = await tx.delegations.by(task.id);
  const isOfLast = ({ runId }: { readonly runId?: string | undefined }): boolean => runId === last?.id;
  const asked = last?.refusedAt !== undefined || approvals.some(isOfLast) || delegations.some(isOfLast);
  const isOpen =
    approvals.some(({ state }) => state === 'pending') ||
    delegations.some((each) => !isTerminal(each.task.state));
  if (!asked || isOpen) return;
  await advanceTask(tx, context, task, 'queue', {
    by: 'control',
    reason: `what it waited for is there; waiting for ${task.agent}`,
  });
}

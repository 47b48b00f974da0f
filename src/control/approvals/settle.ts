import type { ApprovalEvent } from '#core/approval-states.ts';
import { OlympusError } from '#core/errors.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import { deliver } from '../deliveries/deliver.ts';
import { blockOnStored } from '../dependencies/settle.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { resumeTask } from './park.ts';
import { type ApprovalStep, endApproval } from './step.ts';
import { decidedText, decisionSentence } from './texts.ts';

/**
 * Ends what was to be decided, with all that follows for its task: one that may not start yet is queued, cancelled or
 * expires; one that was parked goes on; the run under way learns it from its daemon.
 */
export async function settleApproval(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
  event: Exclude<ApprovalEvent, 'withdraw'>,
  step: ApprovalStep,
): Promise<ApprovalRecord> {
  const ended = await endApproval(tx, context, approval, event, step);
  const task = await tx.tasks.byId(ended.taskId);
  if (!task) throw new OlympusError('state_conflict', `the task of approval ${ended.id} vanished`);
  if (ended.runId === undefined) {
    await startOrEnd(tx, context, task, ended, step);
    return ended;
  }
  await deliver(tx, context, task, { state: 'queued', text: decidedText(ended) });
  await resumeTask(tx, context, task);
  return ended;
}

async function startOrEnd(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  approval: ApprovalRecord,
  { actor, by, why }: ApprovalStep,
): Promise<void> {
  if (approval.state === 'approved') {
    if (await tx.dependencies.of(task.id)) return void (await blockOnStored(tx, context, task));
    await advanceTask(tx, context, task, 'queue', { by: actor, reason: `waiting for ${task.agent}` });
    return;
  }
  if (approval.state === 'denied') {
    const reason = `denied by ${by}${why ? `: ${why}` : ''}`;
    return tellCancelled(tx, context, await advanceTask(tx, context, task, 'cancel', { by: actor, reason }));
  }
  const expired = await advanceTask(tx, context, task, 'expire', {
    by: actor,
    reason: 'nobody approved it in time',
  });
  const text = `I have not begun. ${decisionSentence(approval)} (task \`${task.id}\`)`;
  await deliver(tx, context, expired, { state: 'expired', text });
}

import { deliver } from '../deliveries/deliver.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { decidedText } from './texts.ts';

/** Whether as many people have approved as have to. */
export function hasEnough({ gate, approvedBy }: Pick<ApprovalRecord, 'gate' | 'approvedBy'>): boolean {
  return approvedBy.length >= (gate?.approvals ?? 1);
}

/**
 * Counts the approval of one person, once however often they say so. Where others have to approve as well, it is on record
 * and said in the conversation.
 */
export async function countApproval(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
  { by, why }: { readonly by: string; readonly why?: string | undefined },
): Promise<ApprovalRecord> {
  if (approval.approvedBy.includes(by)) return approval;
  const counted = { ...approval, approvedBy: [...approval.approvedBy, by] };
  await tx.approvals.approvedBy(approval.id, counted.approvedBy);
  if (hasEnough(counted)) return counted;
  const progress = `${counted.approvedBy.length} of ${approval.gate?.approvals} approvals`;
  await record(tx, context, {
    who: `person/${by}`,
    what: 'count',
    entity: 'approval',
    entityId: approval.id,
    state: approval.state,
    why: why ? `${progress}: ${why}` : progress,
    agent: undefined,
  });
  const task = await tx.tasks.byId(approval.taskId);
  if (task) await deliver(tx, context, task, { state: 'queued', text: decidedText(counted) });
  return counted;
}

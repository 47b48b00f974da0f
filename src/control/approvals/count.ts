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

/** Whose the full token of the API is: it believes whatever name it is told, so all that it brings is one voice. */
const FULL_TOKEN = 'operator';

/** Whether two names are one person's: a name in other letters is no second person. */
export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Under which name somebody's approval counts. */
export function voterOf({ gate }: Pick<ApprovalRecord, 'gate'>, { by, isNamed }: Voice): string {
  return isNamed || (gate?.approvals ?? 1) === 1 ? by : FULL_TOKEN;
}

/** Somebody who approves. */
export interface Voice {
  readonly by: string;
  /** Whether a token of their own, or their account in chat, proves the name. */
  readonly isNamed: boolean;
}

/**
 * Counts the approval of one person, once however often they say so. Where others have to approve as well, it is on record
 * and said in the conversation.
 */
export async function countApproval(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
  { by, isNamed, why }: Voice & { readonly why?: string | undefined },
): Promise<ApprovalRecord> {
  const voter = voterOf(approval, { by, isNamed });
  if (approval.approvedBy.some((name) => isSame(name, voter))) return approval;
  const counted = { ...approval, approvedBy: [...approval.approvedBy, voter] };
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

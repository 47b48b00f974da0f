import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { endApproval } from './step.ts';

/** Withdraws everything that is still to be decided for a task. */
export async function withdrawApprovals(
  tx: Repositories,
  context: ControlContext,
  taskId: string,
): Promise<void> {
  for (const approval of await tx.approvals.ofTask(taskId)) {
    if (approval.state !== 'pending') continue;
    await endApproval(tx, context, approval, 'withdraw', { actor: 'control', why: 'its task has ended' });
  }
}

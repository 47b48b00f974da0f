import { deliver } from '../deliveries/deliver.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { hasCard } from './cards.ts';
import { closedText } from './texts.ts';

/** Takes the buttons off the card of what was decided, or is not to be decided any more, and has it say so. */
export async function closeCard(
  tx: Repositories,
  context: ControlContext,
  ended: ApprovalRecord,
): Promise<void> {
  if (!context.cards || !hasCard(ended.asks)) return;
  const task = await tx.tasks.byId(ended.taskId);
  if (!task?.conversation) return;
  // `admitted` changes nothing about how the task is shown: what it goes on with says that.
  await deliver(tx, context, task, {
    state: 'admitted',
    closes: { id: ended.id, text: closedText(ended) },
  });
}

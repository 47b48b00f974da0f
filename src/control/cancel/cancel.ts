import { isTerminal, nextTaskState } from '#core/task-states.ts';
import { cancelledText, deliver } from '../deliveries/deliver.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { triesUpTo } from '../tasks/tries.ts';

export type Cancelled =
  | { readonly kind: 'cancelled'; readonly task: TaskRecord }
  | { readonly kind: 'refused'; readonly sentence: string };

/** Who has it end, as people read it, and why; and as the record has them, where that is no person. */
interface Given {
  readonly by: string;
  readonly why?: string | undefined;
  readonly actor?: Actor;
}

/**
 * Has a task end. One that no agent has ends at once; for one that is out, its agent is told, again and again until it
 * says what became of the run. Asked a second time nothing changes.
 */
export async function cancelTask(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  { by, why, actor = `person/${by}` }: Given,
): Promise<Cancelled> {
  if (task.state === 'cancelling' || task.state === 'cancelled') return { kind: 'cancelled', task };
  if (isTerminal(task.state)) return { kind: 'refused', sentence: `it is over: ${task.state}` };
  if (!nextTaskState(task.state, 'cancel')) {
    return { kind: 'refused', sentence: `a task that is ${task.state} cannot be cancelled; try again` };
  }
  const reason = `cancelled by ${by}${why ? `: ${why}` : ''}`;
  const cancelled = await advanceTask(tx, context, task, 'cancel', { by: actor, reason });
  if (cancelled.state === 'cancelled') await tellCancelled(tx, context, cancelled);
  // What was asked for its sake, or for that of a try before it, is not needed any more; what of it is over stays as it is.
  const over = `task ${task.id}, for which it was, is cancelled`;
  for (const id of await triesUpTo(tx, task)) {
    for (const child of await tx.tasks.childrenOf(id)) {
      await cancelTask(tx, context, child, { by, actor, why: over });
    }
  }
  return { kind: 'cancelled', task: cancelled };
}

/** Shows in the conversation that the task was cancelled, and by whom. */
export async function tellCancelled(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
): Promise<void> {
  await deliver(tx, context, task, { state: 'failed', text: cancelledText(task) });
}

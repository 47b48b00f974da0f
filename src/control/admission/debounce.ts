import { DEBOUNCE_WINDOWS, type Debounce } from '#core/debounce.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { NewTask } from '../store/task-repository.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

/** A request that waits for others of its key. */
export interface Debounced extends Debounce {
  /** Whose key it is: nobody can replace what somebody else asked. */
  readonly keysOf: string;
}

/**
 * Takes a request into the task that is held for it, which has its words from then on and is held a window longer, but
 * for the limit. Undefined when there is none. Its dedup key is remembered: a second delivery finds the task.
 */
export async function takeIn(
  tx: Repositories,
  context: ControlContext,
  given: NewTask,
  { keysOf, key, windowMs, by }: Debounced & { readonly by: Actor },
): Promise<TaskRecord | undefined> {
  const { agent, conversation, now } = given;
  const held = await tx.debounces.held(`${keysOf}:${key}`, { agent, conversationId: conversation?.id, now });
  if (!held) return undefined;
  const { id: taskId, text: replaced } = held.task;
  const { dedupKey, author, requester } = given;
  await tx.debounces.take({ dedupKey, taskId, author, requesterId: requester.id, replaced, at: now });
  return advanceTask(tx, context, held.task, 'debounce', {
    by,
    text: given.text,
    notBefore: Math.min(now + windowMs, held.latestAt),
    reason: 'a later request of the same key took the place of its text; held for more',
  });
}

/** Has a new task held for later requests. */
export async function hold(
  tx: Repositories,
  { id, now }: NewTask,
  { keysOf, key, windowMs }: Debounced,
): Promise<void> {
  await tx.debounces.hold(id, `${keysOf}:${key}`, now + DEBOUNCE_WINDOWS * windowMs);
}

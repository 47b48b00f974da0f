import { DEBOUNCE_WINDOWS, type Debounce } from '#core/debounce.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { NewTask } from '../store/task-repository.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

/** A request that waits for others of its key. */
export interface Debounced extends Debounce {
  /** Whose key it is: nobody can replace what somebody else asked. */
  readonly keysOf: string;
}

/** What a request comes after. */
type Comes = Pick<Wait, 'after' | 'whenItFails'>;

/**
 * Takes a request into the task that is held for it, which has its words from then on and is held a window longer, but
 * for the limit, and the more urgent priority of the two. Undefined when there is none, or when it comes after other tasks
 * than this one. Its dedup key is remembered: a second delivery finds the task.
 */
export async function takeIn(
  tx: Repositories,
  context: ControlContext,
  given: NewTask,
  { keysOf, key, windowMs, by, wait }: Debounced & { readonly by: Actor; readonly wait: Comes | undefined },
): Promise<TaskRecord | undefined> {
  const { agent, conversation, now } = given;
  const candidates = await tx.debounces.held(`${keysOf}:${key}`, {
    agent,
    conversationId: conversation?.id,
    now,
  });
  const waits = await Promise.all(candidates.map(({ task }) => tx.dependencies.of(task.id)));
  const held = candidates.find((_, index) => isSameWait(waits[index], wait));
  if (!held) return undefined;
  const { id: taskId, text: replaced } = held.task;
  const { dedupKey, author, requester } = given;
  await tx.debounces.take({ dedupKey, taskId, author, requesterId: requester.id, replaced, at: now });
  return advanceTask(tx, context, held.task, 'debounce', {
    by,
    text: given.text,
    // Nothing that was said before other words stays.
    context: given.context ?? '',
    priority: Math.min(given.priority, held.task.priority),
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

function isSameWait(one: Comes | undefined, other: Comes | undefined): boolean {
  const wordsOf = (wait: Comes | undefined): string =>
    wait ? `${wait.whenItFails} ${wait.after.map(({ id }) => id).join(' ')}` : '';
  return wordsOf(one) === wordsOf(other);
}

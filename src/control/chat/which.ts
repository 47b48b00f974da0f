import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { wholeOf } from '../tasks/pieces.ts';

/** What a command is about, or a sentence that says why that is not known. */
export type Found<T> =
  | { readonly kind: 'found'; readonly it: T }
  | { readonly kind: 'not'; readonly sentence: string };

/** More than a thread has. */
const LOOK_BACK = 50;

/** Where something was said, and when (Unix ms, by the clock of the chat server). */
export interface Place {
  readonly conversationId: string;
  readonly saidAt: number;
}

/** The task of this id; without one, the newest that was asked for in the conversation. */
export async function whichTask(
  tx: Repositories,
  id: string | undefined,
  conversationId: string,
): Promise<Found<TaskRecord>> {
  if (id !== undefined) {
    const task = await tx.tasks.byId(id);
    return task ? found(task) : not(`There is no task \`${id}\`.`);
  }
  const [newest] = await tx.tasks.ofConversation(conversationId, 1);
  return newest
    ? found(await wholeOf(tx, newest))
    : not('No task belongs to this thread: name one, as `!olympus tasks` lists them.');
}

/** The approval or question of this id, with its task; without one, the only one that waits in the conversation. */
export async function whichApproval(
  tx: Repositories,
  id: string | undefined,
  { conversationId, saidAt }: Place,
): Promise<Found<{ approval: ApprovalRecord; task: TaskRecord | undefined }>> {
  if (id !== undefined) {
    const approval = await tx.approvals.byId(id);
    if (!approval) return not(`There is no approval or question \`${id}\`.`);
    return found({ approval, task: await tx.tasks.byId(approval.taskId) });
  }
  const waiting: { approval: ApprovalRecord; task: TaskRecord }[] = [];
  for (const task of await tx.tasks.ofConversation(conversationId, LOOK_BACK)) {
    for (const approval of await tx.approvals.ofTask(task.id)) {
      if (approval.state === 'pending') waiting.push({ approval, task });
    }
  }
  const [only, ...others] = waiting;
  if (!only) return not('Nothing waits for a decision in this thread.');
  const ids = waiting.map(({ approval }) => `\`${approval.id}\``).join(', ');
  // Who wrote before it was asked has not seen it, and meant something else.
  if (others.length === 0 && only.approval.createdAt > saidAt)
    return not(`What waits for a decision in this thread was asked after you wrote that: name it, ${ids}.`);
  if (others.length === 0) return found(only);
  return not(`${waiting.length} things wait for a decision in this thread, so name the one: ${ids}.`);
}

function found<T>(it: T): Found<T> {
  return { kind: 'found', it };
}

function not<T>(sentence: string): Found<T> {
  return { kind: 'not', sentence };
}

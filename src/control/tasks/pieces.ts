import { CONTROL_NAME } from '#core/tokens.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { latestTry, triesUpTo } from './tries.ts';

const CHILD = 'child:';
/** As the store has it: keys of control's own stand apart from those of agents. */
const STORED_CHILD = `${CONTROL_NAME}:${CHILD}`;

/** The dedup key, of control's own, of a piece of what a mission or a task is about. */
export function pieceKey(of: string, name: string): string {
  return `${CHILD}${of}:${name}`;
}

/** The task that has this key. */
export function pieceOf(tx: Repositories, key: string): Promise<TaskRecord | undefined> {
  return tx.tasks.byDedupKey(`${CONTROL_NAME}:${key}`);
}

/**
 * Whether a task is a piece of another one, which waits for it: the step of a workflow, or what a run has asked another
 * agent. Its answer is for that; what becomes of the whole is the other's to show.
 */
export async function isPiece(tx: Repositories, task: TaskRecord): Promise<boolean> {
  if (task.parentId === undefined) return false;
  const first = await tx.tasks.byId((await triesUpTo(tx, task)).at(-1) ?? task.id);
  return first?.dedupKey.startsWith(STORED_CHILD) ?? false;
}

/** What a task is a piece of, and that of what, up to what was asked for; the task itself where it is no piece. */
export async function wholeOf(tx: Repositories, task: TaskRecord): Promise<TaskRecord> {
  const parent = (await isPiece(tx, task)) && (await parentOf(tx, task));
  return parent ? wholeOf(tx, parent) : task;
}

/** The latest try of the task that another was made for. */
export async function parentOf(
  tx: Repositories,
  { parentId }: Pick<TaskRecord, 'parentId'>,
): Promise<TaskRecord | undefined> {
  const parent = parentId === undefined ? undefined : await tx.tasks.byId(parentId);
  return parent && latestTry(tx, parent);
}

import { CONTROL_NAME } from '#core/tokens.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';

const RETRY = 'retry:';
/** As the store has it: keys of control's own stand apart from those of agents. */
const STORED_RETRY = `${CONTROL_NAME}:${RETRY}`;

/** The dedup key, of control's own, under which a task is asked again. */
export function retryKey(taskId: string): string {
  return `${RETRY}${taskId}`;
}

/** The task that came of trying this one again, if somebody has, and so on. */
export async function latestTry(tx: Repositories, task: TaskRecord): Promise<TaskRecord> {
  const next = await tx.tasks.byDedupKey(`${STORED_RETRY}${task.id}`);
  return next ? latestTry(tx, next) : task;
}

/** The ids of a task and of those that it is another try of. */
export async function triesUpTo(tx: Repositories, task: TaskRecord): Promise<string[]> {
  if (!task.dedupKey.startsWith(STORED_RETRY)) return [task.id];
  const before = await tx.tasks.byId(task.dedupKey.slice(STORED_RETRY.length));
  return before ? [task.id, ...(await triesUpTo(tx, before))] : [task.id];
}

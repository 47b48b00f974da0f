import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';

/**
 * How often a task has been tried since it was asked for, or since a person had it queued again. A run that was parked is
 * no attempt of its own: it waited for people, and goes on in the next one.
 */
export async function attemptsMade(tx: Repositories, task: TaskRecord): Promise<number> {
  const before = task.epoch - task.attempts;
  const runs = await tx.runs.ofTask(task.id);
  return runs.filter(({ epoch, state }) => epoch > before && state !== 'parked').length;
}

import type { TaskDetail } from '#core/api.ts';
import { type ApiClient, TASK_LIMIT } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { completeId } from './id-prefix.ts';

const SEE_LIST = '`olympus task list` shows the newest.';

/** The task that `given` names: its whole id, or the beginning of one that no other recent task shares. */
export async function findTask(api: ApiClient, given: string): Promise<TaskDetail> {
  const id = await completeId(given, {
    one: 'task',
    many: 'tasks',
    list: SEE_LIST,
    limit: TASK_LIMIT,
    newest: async () => (await api.tasks({ limit: TASK_LIMIT })).map((task) => task.id),
  });
  const task = await api.task(id);
  if (task) return task;
  throw new CliError(`There is no task ${given}.`, SEE_LIST);
}

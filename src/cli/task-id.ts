import type { TaskDetail } from '#core/api.ts';
import { type ApiClient, TASK_LIMIT } from './api-client.ts';
import { CliError, usageError } from './cli-error.ts';

const WHOLE_LENGTH = 36;
const SHORTEST_PREFIX = 8;
/** Ids begin with the time in milliseconds, which ends here: shorter ones name a minute, not a task. */
const SHORT_LENGTH = 13;

const SEE_LIST = '`olympus task list` shows the newest.';

/** The ids cut to one length at which they differ from one another. */
export function shortIds(ids: readonly string[]): string[] {
  let length = SHORT_LENGTH;
  const differ = (): boolean => new Set(ids.map((id) => id.slice(0, length))).size === new Set(ids).size;
  while (length < WHOLE_LENGTH && !differ()) length += 1;
  return ids.map((id) => id.slice(0, length));
}

/** The task that `given` names: its whole id, or the beginning of one that no other recent task shares. */
export async function findTask(api: ApiClient, given: string): Promise<TaskDetail> {
  const prefix = given.toLowerCase();
  if (prefix.length < SHORTEST_PREFIX) {
    throw usageError(
      `"${given}" is too short for the id of a task.`,
      `Give at least ${SHORTEST_PREFIX} characters of it; \`olympus task list\` shows them.`,
    );
  }
  const id = prefix.length >= WHOLE_LENGTH ? prefix : await completed(api, prefix);
  const task = await api.task(id);
  if (task) return task;
  throw new CliError(`There is no task ${given}.`, SEE_LIST);
}

async function completed(api: ApiClient, prefix: string): Promise<string> {
  const tasks = await api.tasks({ limit: TASK_LIMIT });
  const matches = tasks.map((task) => task.id).filter((id) => id.startsWith(prefix));
  const [only, ...others] = matches;
  if (only === undefined) {
    const older = tasks.length === TASK_LIMIT;
    const which = older ? `None of the newest ${TASK_LIMIT} tasks begins` : 'No task begins';
    throw new CliError(`${which} with ${prefix}.`, older ? 'For an older one give the whole id.' : SEE_LIST);
  }
  if (others.length === 0) return only;
  const shown = matches.slice(0, 5).join(', ');
  const more = matches.length > 5 ? ` and ${matches.length - 5} more` : '';
  throw usageError(
    `${matches.length} tasks begin with ${prefix}: ${shown}${more}.`,
    'Give more characters of the one you mean.',
  );
}

import type { TaskRecord } from '../store/records.ts';

/** What the agent is asked: the task's own text, then what was brought along from the tasks before it. */
export function inputOf({ text, brought }: Pick<TaskRecord, 'text' | 'brought'>): string {
  return brought === undefined ? text : `${text}\n\n${brought}`;
}

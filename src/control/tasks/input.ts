import type { Artifacts } from '../artifacts/artifacts.ts';
import type { TaskRecord } from '../store/records.ts';

/** What the agent is asked: the task's own text, then what was said before, and what was brought along from the tasks before it. */
export function inputOf({
  text,
  context,
  brought,
}: Pick<TaskRecord, 'text' | 'context' | 'brought'>): string {
  return [text, context, brought].filter(Boolean).join('\n\n');
}

/**
 * The same with the whole of a text of which the task has the beginning; undefined when it is too old to be kept.
 * Throws `bus_unavailable` when the bus cannot say.
 */
export async function wholeInputOf(task: TaskRecord, artifacts: Artifacts): Promise<string | undefined> {
  if (!task.textArtifact) return inputOf(task);
  const bytes = await artifacts.bytesOf(task.textArtifact.digest);
  return bytes && inputOf({ ...task, text: new TextDecoder().decode(bytes) });
}

import { refusedPersons } from '#core/rejections.ts';
import { isTerminal } from '#core/task-states.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from './advance.ts';

/** Who has a task tried again, and why. */
interface Again {
  readonly by: string;
  readonly why?: string | undefined;
  /** How long it may take from now on. */
  readonly deadlineMs: number;
}

export type Retried =
  | { readonly kind: 'queued'; readonly task: TaskRecord }
  | { readonly kind: 'again' }
  | { readonly kind: 'refused'; readonly sentence: string };

/**
 * What a person's wish to try again comes to: a dead letter's task is queued again; one that has ended stays as it is,
 * and the same is to be asked `again` as a new task; one that has not ended needs nothing.
 */
export async function retryTask(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  given: Again,
): Promise<Retried> {
  if (task.state === 'dead_lettered') {
    return { kind: 'queued', task: await queueAgain(tx, context, task, given) };
  }
  if (!isTerminal(task.state)) return { kind: 'refused', sentence: `it has not ended: it is ${task.state}` };
  if (task.state === 'completed') return { kind: 'refused', sentence: 'it is completed' };
  if (task.state === 'rejected' && task.reason === 'unknown_dependency') {
    const sentence = 'it was to come after a task that does not exist; create it anew, after one that does';
    return { kind: 'refused', sentence };
  }
  if (task.state === 'rejected' && refusedPersons.has(task.reason ?? '')) {
    const sentence = 'who asked for it may not do so there; once chat_access lets them, they ask again';
    return { kind: 'refused', sentence };
  }
  const workflow = task.state === 'rejected' && (await tx.missions.workflowOf(task.id));
  if (workflow) {
    const sentence = `it was to lead the workflow ${workflow}, of which nothing was begun; start that again`;
    return { kind: 'refused', sentence };
  }
  return { kind: 'again' };
}

/**
 * Queues a dead letter's task again, with all the time and all the attempts that a new one has. Its epoch goes on, so that
 * what its runs of before still bring is stale.
 */
export function queueAgain(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  { by, why, deadlineMs }: Again,
): Promise<TaskRecord> {
  const now = context.now();
  return advanceTask(tx, context, task, 'retry', {
    by: `person/${by}`,
    reason: retryReason(why),
    attempts: 0,
    notBefore: now,
    deadline: now + deadlineMs,
  });
}

/** What the record says of a task that is tried again. */
export function retryReason(why: string | undefined): string {
  return `tried again${why ? `: ${why}` : ''}`;
}

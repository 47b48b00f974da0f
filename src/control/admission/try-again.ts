import { isTerminal } from '#core/task-states.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { retryReason, retryTask } from '../tasks/retry.ts';
import { latestTry, retryKey } from '../tasks/tries.ts';
import { type AdmissionOptions, admit } from './admission.ts';

/** Who has a task tried again, and why. */
interface Again {
  readonly by: string;
  readonly why: string | undefined;
}

export type Tried =
  | { readonly kind: 'tried'; readonly task: TaskRecord }
  /** Why not, of the latest try of it. */
  | { readonly kind: 'refused'; readonly task: TaskRecord; readonly sentence: string };

/** Has the latest try of a task tried again. Asked twice, the try that the first one led to is the answer. */
export async function tryAgain(
  tx: Repositories,
  admission: AdmissionOptions,
  task: TaskRecord,
  again: Again,
): Promise<Tried> {
  const latest = await latestTry(tx, task);
  if (latest.id !== task.id && !isTerminal(latest.state)) return { kind: 'tried', task: latest };
  const { deadlineMs, context } = admission;
  const outcome = await retryTask(tx, context, latest, { ...again, deadlineMs });
  if (outcome.kind === 'queued') return { kind: 'tried', task: outcome.task };
  if (outcome.kind === 'refused') return { ...outcome, task: latest };
  return { kind: 'tried', task: await askAgain(tx, admission, latest, again) };
}

/** The same as a new task, which speaks in the same conversation. */
async function askAgain(
  tx: Repositories,
  admission: AdmissionOptions,
  task: TaskRecord,
  { by, why }: Again,
): Promise<TaskRecord> {
  const { id, author, agent, text, context, domain, depth, priority, trust, conversation, requester } = task;
  admission.log.info({ taskId: id, by }, 'task asked again');
  const wait = await tx.dependencies.of(id);
  const request = {
    dedupKey: retryKey(id),
    agent,
    text,
    domain,
    priority,
    requester,
    ...(context ? { context } : {}),
    ...(conversation ? { conversation } : {}),
  };
  return admit(tx, admission, {
    author,
    by: `person/${by}`,
    why: why && retryReason(why),
    request,
    depth,
    trust,
    leastTrust: task.leastTrust,
    keysOf: CONTROL_NAME,
    textArtifact: task.textArtifact,
    parentId: task.parentId,
    // It comes after the same as before, which means the latest tries of those, and waits as long for them.
    wait: wait && { ...wait, until: wait.until && admission.context.now() + (wait.until - task.createdAt) },
  });
}

import { actionHash } from '#core/action.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { openApproval } from './open.ts';

/** Keeps an admitted task from starting until a person has approved exactly what it asks, of whom, and for whom. */
export async function holdForApproval(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  waitMs: number,
): Promise<TaskRecord> {
  const { agent, text, context: before, requester } = task;
  const params = { text, ...(before ? { context: before } : {}), requester };
  const action = { kind: 'task.start', target: agent, params };
  await openApproval(tx, context, task, {
    dedupKey: `start:${task.id}`,
    hash: await actionHash(action),
    asks: { action },
    summary: `${requester.name} asks ${agent}, from outside`,
    actor: 'control',
    askedBy: requester.name,
    runId: undefined,
    waitMs,
  });
  return advanceTask(tx, context, task, 'ask', {
    by: 'control',
    reason: 'it comes from outside: a person has to approve it',
  });
}

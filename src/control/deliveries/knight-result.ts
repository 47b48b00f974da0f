import { knightRequestOf } from '#core/knights.ts';
import { KnightResult } from '#core/messages/knight-result.ts';
import { isTerminal } from '#core/task-states.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';

/**
 * Copies how a task ended to `knight.<name>.result`, in the caller's transaction, if it came by the older subject.
 * Without a text it is the answer that was given already.
 */
export async function tellKnight(
  tx: Repositories,
  { fleet, subjects, now }: ControlContext,
  task: TaskRecord,
  text: string | undefined,
): Promise<void> {
  const request = knightRequestOf(task.dedupKey);
  if (!request || !isTerminal(task.state)) return;
  const at = now();
  const result = KnightResult.create(
    {
      id: newId(at),
      source: `/fleets/${fleet}/control`,
      subject: `task/${task.id}`,
      time: new Date(at).toISOString(),
    },
    {
      taskId: task.id,
      knight: task.agent,
      ...request,
      state: task.state,
      text: text ?? task.answer ?? task.reason ?? '',
    },
  );
  await tx.outbox.add({
    subject: subjects.knightResult(task.agent),
    msgId: `knight:${task.id}:${newNonce()}`,
    body: JSON.stringify(result),
  });
}

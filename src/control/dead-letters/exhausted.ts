import { streamNames } from '#core/streams.ts';
import { runIdOf } from '#core/subjects.ts';
import { nextTaskState } from '#core/task-states.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { removeMessage, storedMessage } from '#integrations/nats/stored-messages.ts';
import { buriedText, deliver } from '../deliveries/deliver.ts';
import type { Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import type { DeadLetters } from './dead-letters.ts';

export interface ExhaustedOptions {
  readonly bus: BusConnection;
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  /** Called after a task was given up. */
  readonly onBuried: () => void;
}

/**
 * Buries a message that was delivered as often as it may be. A work queue keeps such a message for ever: the letter
 * first, then its task, then the message goes. Each step may be done twice; one that is gone already is buried.
 */
export async function buryExhausted(
  { bus, store, context, deadLetters, onBuried }: ExhaustedOptions,
  given: { readonly stream: string; readonly seq: number; readonly deliveries: number },
): Promise<void> {
  const { stream, seq, deliveries } = given;
  const message = await storedMessage(bus, stream, seq);
  if (!message) return;
  const detail = `delivered ${deliveries} times without an acknowledgement`;
  await deadLetters.write({ ...message, stream, deliveries, reason: 'max_deliveries', detail });
  if (stream === streamNames.tasks) {
    await buryRun(store, context, runIdOf(message.subject), detail);
    onBuried();
  }
  await removeMessage(bus, stream, seq);
}

/** Ends the task of a run that its agent never brought to an end; a run that is over already changes nothing. */
async function buryRun(store: Store, context: ControlContext, runId: string, reason: string): Promise<void> {
  await store.transaction(async (tx) => {
    const run = await tx.runs.byId(runId);
    const task = run && (await tx.tasks.byId(run.taskId));
    if (!run || !task || run.epoch !== task.epoch || !nextTaskState(task.state, 'bury')) return;
    await tx.runs.discarded(run.id, context.now());
    const buried = await advanceTask(tx, context, task, 'bury', { by: 'control', reason });
    await deliver(tx, context, buried, { state: 'failed', text: buriedText(buried) });
  });
}

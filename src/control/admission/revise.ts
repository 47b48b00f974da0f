import { parseMessage } from '#core/envelope.ts';
import { TaskRevise } from '#core/messages/task-revise.ts';
import { authorOf } from '#core/subjects.ts';
import { isTerminal, nextTaskState } from '#core/task-states.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import { cancelTask } from '../cancel/cancel.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import { deliver, revisedTooLateText } from '../deliveries/deliver.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

export interface RevisionOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  /** Called after a request was revised. */
  readonly onRevised: () => void;
  readonly log: Logger;
}

/** Whoever deletes a message may be its author or an administrator of chat; the server does not say. */
const BY_CHAT = 'chat';

/**
 * Handles what people change about what they have asked: a new text counts as long as no agent has it, and without the
 * message there is no task. It comes after its request; of one that became no task there is nothing to revise.
 */
export function revisionHandler(options: RevisionOptions): (message: BusMessage) => Promise<void> {
  const { store, context, deadLetters, onRevised, log } = options;
  return async (message) => {
    const author = authorOf(message.subject);
    const parsed = parseMessage(message.body, [TaskRevise]);
    if (!author || parsed.kind !== 'ok') return deadLetters.giveUp(message, parsed);
    const { dedupKey, text } = parsed.message.data;
    const taskId = await store.transaction(async (tx) => {
      const task = await tx.tasks.byDedupKey(`${author}:${dedupKey}`);
      if (!task || isTerminal(task.state) || task.state === 'cancelling') return undefined;
      await revise(tx, context, task, text?.trim() ?? '');
      return task.id;
    });
    if (taskId) log.info({ taskId, author, deleted: text === undefined }, 'request revised');
    onRevised();
    await message.ack();
  };
}

async function revise(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  text: string,
): Promise<void> {
  if (text === '') {
    await cancelTask(tx, context, task, { by: BY_CHAT, why: 'the message that asked for it is gone' });
    return;
  }
  if (text === task.text) return;
  if (nextTaskState(task.state, 'revise') && !task.textArtifact) {
    const reason = task.reason ?? `waiting for ${task.agent}`;
    await advanceTask(tx, context, task, 'revise', { by: `person/${task.requester.name}`, reason, text });
    return;
  }
  await deliver(tx, context, task, { state: 'admitted', text: revisedTooLateText(task) });
}

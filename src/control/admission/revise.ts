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

/** How long a revision waits for its request to become a task, at least. */
const REQUEST_WITHIN_MS = 20_000;
const AGAIN_MS = 2000;

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
    const known = await store.transaction(async (tx) => {
      const task = await tx.tasks.byDedupKey(`${author}:${dedupKey}`);
      if (task) await revise(tx, context, task, text?.trim() ?? '');
      return task !== undefined;
    });
    // Its request may still be looked at, or have been given back; of one that was refused there will never be a task.
    if (!known && context.now() - message.storedAt < REQUEST_WITHIN_MS) return message.later(AGAIN_MS);
    if (known) log.info({ author, dedupKey, deleted: text === undefined }, 'request revised');
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
  if (isTerminal(task.state) || task.state === 'cancelling') return;
  if (text === '') {
    await cancelTask(tx, context, task, { by: BY_CHAT, why: 'the message that asked for it is gone' });
    return;
  }
  // What leads a workflow has the words of that, and not those that it was asked by.
  if (text === task.text.trim() || (await tx.missions.workflowOf(task.id)) !== undefined) return;
  if (mayBeRevised(task)) {
    const reason = task.reason ?? `waiting for ${task.agent}`;
    await advanceTask(tx, context, task, 'revise', { by: `person/${task.requester.name}`, reason, text });
    return;
  }
  await deliver(tx, context, task, { state: 'admitted', text: revisedTooLateText(task) });
}

/** While no agent has seen it, and nobody has approved the words that stand there. */
function mayBeRevised({ state, attempts, epoch, trust, textArtifact }: TaskRecord): boolean {
  const isUnseen = attempts === 0 && epoch === 0;
  return nextTaskState(state, 'revise') !== undefined && isUnseen && trust !== 'external' && !textArtifact;
}

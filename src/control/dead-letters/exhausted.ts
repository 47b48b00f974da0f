import { streamNames } from '#core/streams.ts';
import { agentOfTask, runIdOf } from '#core/subjects.ts';
import { nextTaskState } from '#core/task-states.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { removeMessage, storedMessage } from '#integrations/nats/stored-messages.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import { buriedText, deliver } from '../deliveries/deliver.ts';
import { agentView } from '../registry/registry.ts';
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
 * first, then its task, then the message goes. Each step may be done twice; one that is gone already is buried. A run
 * that its agent says it is at work on is left alone: nothing but its end is to be waited for, and the sweep looks again.
 */
export async function buryExhausted(
  options: ExhaustedOptions,
  given: { readonly stream: string; readonly seq: number; readonly deliveries: number },
): Promise<void> {
  const { bus, deadLetters, onBuried } = options;
  const { stream, seq, deliveries } = given;
  const message = await storedMessage(bus, stream, seq);
  if (!message || (stream === streamNames.tasks && (await isUnderWay(options, message.subject)))) return;
  const detail = deliveries > 0 ? `delivered ${deliveries} times without an acknowledgement` : GIVEN_UP;
  await deadLetters.write({ ...message, stream, deliveries, reason: 'max_deliveries', detail });
  if (stream === streamNames.tasks) {
    await buryRun(options, runIdOf(message.subject), detail);
    onBuried();
  }
  await removeMessage(bus, stream, seq);
}

/** Where the sweep found it: nobody has counted. */
const GIVEN_UP = 'delivered again and again without an acknowledgement';

/** Whether the agent was heard of lately and named this run among those that it is at work on. */
async function isUnderWay({ store, context }: ExhaustedOptions, subject: string): Promise<boolean> {
  const agent = await store.read.agents.byName(agentOfTask(subject));
  if (!agent || agentView(agent, context.now()).phase === 'Silent') return false;
  return agent.heartbeat.runs.includes(runIdOf(subject));
}

/** Ends the task of a run that its agent never brought to an end; a run that is over already changes nothing. */
async function buryRun({ store, context }: ExhaustedOptions, runId: string, reason: string): Promise<void> {
  await store.transaction(async (tx) => {
    const run = await tx.runs.byId(runId);
    const task = run && (await tx.tasks.byId(run.taskId));
    if (!run || !task || run.epoch !== task.epoch || !nextTaskState(task.state, 'bury')) return;
    const why = task.state === 'cancelling' ? (task.reason ?? reason) : reason;
    const buried = await advanceTask(tx, context, task, 'bury', { by: 'control', reason: why });
    if (buried.state === 'cancelled') return tellCancelled(tx, context, buried);
    await deliver(tx, context, buried, { state: 'failed', text: buriedText(buried) });
  });
}

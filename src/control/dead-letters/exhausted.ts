import { parseMessage } from '#core/envelope.ts';
import { allMessages } from '#core/messages/all.ts';
import type { DeadLetterReason } from '#core/messages/dead-letter.ts';
import { streamNames } from '#core/streams.ts';
import { agentOfTask, runIdOf } from '#core/subjects.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { removeMessage, storedMessage } from '#integrations/nats/stored-messages.ts';
import { buriedText } from '../deliveries/deliver.ts';
import { agentView } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { buryRun } from './bury-run.ts';
import { type DeadLetters, verdictOn } from './dead-letters.ts';

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
  const often = deliveries > 0 ? `delivered ${deliveries} times without an acknowledgement` : GIVEN_UP;
  const { reason, detail } = whyGivenUp(message.body, often);
  const place = { seq, storedAt: message.storedAt.getTime() };
  await deadLetters.write({ ...message, stream, place, mayStand: true, deliveries, reason, detail });
  if (stream === streamNames.tasks) {
    await buryRun(options, runIdOf(message.subject), { reason: detail, text: buriedText });
    onBuried();
  }
  await removeMessage(bus, stream, seq);
}

/** Its agent could not say why; where the message cannot be read here either, that is why. */
function whyGivenUp(body: Uint8Array, often: string): { reason: DeadLetterReason; detail: string } {
  const parsed = parseMessage(body, allMessages);
  if (parsed.kind === 'ok') return { reason: 'max_deliveries', detail: often };
  const { reason, detail } = verdictOn(parsed);
  return { reason, detail: `${detail}; ${often}` };
}

/** Where the sweep found it: nobody has counted. */
const GIVEN_UP = 'delivered again and again without an acknowledgement';

/** Whether the agent was heard of lately and named this run among those that it is at work on. */
async function isUnderWay({ store, context }: ExhaustedOptions, subject: string): Promise<boolean> {
  const agent = await store.read.agents.byName(agentOfTask(subject));
  if (!agent || agentView(agent, context.now()).phase === 'Silent') return false;
  return agent.heartbeat.runs.includes(runIdOf(subject));
}

import { unmentioning } from '#core/chat-command.ts';
import { failureClasses } from '#core/failures.ts';
import { Delivery } from '#core/messages/delivery.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { isPiece } from '../tasks/pieces.ts';
import { tellKnight } from './knight-result.ts';

/** The states in which a request has been dealt with. */
const SETTLED: readonly Delivery['data']['state'][] = ['completed', 'failed', 'rejected', 'expired'];

/** Longest text of a delivery in UTF-16 units: escaped as JSON each may take six bytes, and a message has one MiB. */
const DELIVERED_LIMIT = 150_000;

/**
 * Writes down what the conversation of a task is to show, in the caller's transaction. The agent whose request it
 * was posts it. A task without a conversation has nobody to tell, unless it came by the older subject.
 */
export async function deliver(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  what: Pick<Delivery['data'], 'state' | 'card' | 'closes'> & { readonly text?: string | undefined },
): Promise<void> {
  const { text, card, closes } = what;
  if (!task.conversation) return tellKnight(tx, context, task, text?.slice(0, DELIVERED_LIMIT));
  const state = await shownState(tx, task, what);
  if (state === undefined) return;
  await say(tx, context, {
    agent: task.author,
    conversation: task.conversation,
    taskId: task.id,
    state,
    depth: task.depth,
    text: text && saidBy(task, text, state),
    card,
    closes: closes && { ...closes, text: saidBy(task, closes.text, state) },
  });
}

/**
 * What the asking post shows; undefined where nothing is said. It is that of the whole: of a piece people are told what they
 * have to decide, and its end is told by itself.
 */
async function shownState(
  tx: Repositories,
  task: TaskRecord,
  {
    state,
    text,
    closes,
  }: Pick<Delivery['data'], 'state' | 'closes'> & { readonly text?: string | undefined },
): Promise<Delivery['data']['state'] | undefined> {
  if (!(await isPiece(tx, task))) return state;
  const isForPeople = !SETTLED.includes(state) && (text !== undefined || closes !== undefined);
  return isForPeople ? 'admitted' : undefined;
}

/** What an agent is to post or show, and where; without a text it shows how things stand. */
type Saying = Pick<Delivery['data'], 'agent' | 'conversation' | 'taskId' | 'state' | 'depth'> & {
  readonly text: string | undefined;
  readonly card?: Delivery['data']['card'];
  readonly closes?: Delivery['data']['closes'];
};

/** Writes down what an agent is to post in a conversation, or to show there, in the caller's transaction. */
export async function say(tx: Repositories, context: ControlContext, saying: Saying): Promise<void> {
  const { text, ...rest } = saying;
  const at = context.now();
  const deliveryId = newId(at);
  const delivery = Delivery.create(
    {
      id: deliveryId,
      source: `/fleets/${context.fleet}/control`,
      subject: saying.taskId ? `task/${saying.taskId}` : `post/${saying.conversation.postId}`,
      time: new Date(at).toISOString(),
    },
    { ...rest, deliveryId, ...(text ? { text: text.slice(0, DELIVERED_LIMIT) } : {}) },
  );
  await tx.outbox.add({
    subject: context.subjects.delivery(saying.agent, deliveryId),
    msgId: `delivery:${deliveryId}:${newNonce()}`,
    body: JSON.stringify(delivery),
  });
}

/** The words of one agent that another posts stand below its name; a refusal is nobody's. */
function saidBy({ agent, author }: TaskRecord, text: string, state: Delivery['data']['state']): string {
  return agent === author || state === 'rejected' ? text : `**${agent}:**\n\n${text}`;
}

/** What a person is told when a task has failed for good, and after how many attempts, where it was tried. */
export function failureText(
  task: TaskRecord,
  run: Pick<RunRecord, 'failure' | 'failureMessage'> & { readonly attempts: number },
): string {
  const failure = failureClasses[run.failure ?? 'internal'];
  const tries = run.attempts > 1 ? ` I tried ${run.attempts} times.` : '';
  const evidence = run.failureMessage ? `\n> ${run.failureMessage.split('\n')[0]?.slice(0, 300)}` : '';
  return `I could not finish this: ${failure.sentence}.${tries} Nothing is pending; mention me again to retry. (task \`${task.id}\`)${evidence}`;
}

/** What a person is told when a task was handed to its agent again and again in vain. */
export function buriedText(task: TaskRecord): string {
  return `I was handed this again and again and never brought it to an end; I have put it aside. An operator finds it with \`olympus dlq list\`. (task \`${task.id}\`)`;
}

/** What a person is told when the message of a task is gone, and its agent does not have it. */
export function vanishedText(task: TaskRecord): string {
  return `This was lost on its way to me and I never began it; I have put it aside. An operator finds it with \`olympus dlq list\`. (task \`${task.id}\`)`;
}

/** What a person is told who changed a message that somebody had taken up, or approved, as it was. */
export function revisedTooLateText(task: TaskRecord): string {
  return `You changed your message too late: I go on with what it said before. Mention me with what is different, or end this with \`!olympus cancel\`. (task \`${task.id}\`)`;
}

/** What a person is told when a task was cancelled. */
export function cancelledText(task: TaskRecord): string {
  const who = task.reason ? ` (${unmentioning(task.reason)})` : '';
  return `This was stopped before it was done${who}. Mention me again if it still matters. (task \`${task.id}\`)`;
}

/** What a person is told when a task's deadline has passed. */
export function expiryText(task: TaskRecord): string {
  return `This expired before it was done: its deadline was ${new Date(task.deadline).toISOString()}. Mention me again if it still matters. (task \`${task.id}\`)`;
}

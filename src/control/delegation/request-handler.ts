import { delegationHash } from '#core/action.ts';
import { parseMessage, type TrustLabel } from '#core/envelope.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { rejectionSentence } from '#core/rejections.ts';
import { authorOf } from '#core/subjects.ts';
import { isTerminal } from '#core/task-states.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import { lowered } from '#core/trust.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { type AdmissionOptions, type Asked, admit, judge } from '../admission/admission.ts';
import { type AskedByRun, refuseAsked, taskOfAsking } from '../approvals/asking-run.ts';
import { leastTrustOf } from '../approvals/least-trust.ts';
import { resumeTask } from '../approvals/park.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { parentOf, pieceKey, pieceOf } from '../tasks/pieces.ts';
import { record } from '../tasks/record.ts';
import { tellDelegator } from './answer.ts';

type Delegated = AskedByRun & { readonly data: DelegationRequest['data'] };

/** More than one answer is made of. */
const OPEN_LIMIT = 10;

/**
 * Handles what runs ask of other agents. What makes a second delivery harmless: the key stands for the task of the run and
 * what is asked, so the same is one task, whichever run of that task asks, and the agent is told again what it knows.
 */
export function delegationHandler(options: AdmissionOptions): (message: BusMessage) => Promise<void> {
  const { store, deadLetters, onDecided, log } = options;
  return async (message) => {
    const author = authorOf(message.subject);
    const parsed = parseMessage(message.body, [DelegationRequest]);
    if (!author || parsed.kind !== 'ok') return deadLetters.giveUp(message, parsed);
    const { data } = parsed.message;
    const asked = { author, data, hash: await delegationHash(data) };
    const refusal = await store.transaction((tx) => take(tx, options, asked));
    const about = { taskId: data.taskId, runId: data.runId, author };
    if (refusal) log.warn({ ...about, reason: refusal }, 'request for the answer of an agent refused');
    else log.info(about, 'another agent asked');
    onDecided();
    await message.ack();
  };
}

/** Takes the request, or tells its author why not; answers the reason of a refusal. */
async function take(
  tx: Repositories,
  options: AdmissionOptions,
  asked: Delegated,
): Promise<string | undefined> {
  const found = await taskOfAsking(tx, asked);
  const reason = typeof found === 'string' ? found : await takeFor(tx, options, found, asked);
  if (reason === undefined) return undefined;
  const task = typeof found === 'string' ? undefined : found;
  await refuseAsked(tx, options.context, asked, { reason, task });
  return reason;
}

async function takeFor(
  tx: Repositories,
  options: AdmissionOptions,
  parent: TaskRecord,
  asked: Delegated,
): Promise<string | undefined> {
  const { context, deadlineMs } = options;
  const { data, hash } = asked;
  const { key, runId, agent, expiresInMs } = data;
  const known = await pieceOf(tx, pieceKey(parent.id, hash));
  if (known) {
    await askedAgain(tx, options, known, asked);
    await resumeTask(tx, context, parent);
    return undefined;
  }
  const open = (await tx.delegations.by(parent.id)).filter(({ task }) => !isTerminal(task.state));
  if (open.length >= OPEN_LIMIT) return `${open.length} answers of others are waited for already`;
  if (await waitsForIt(tx, parent, agent)) return rejectionSentence('asked_in_circle', { agent });
  const wanted = wantedOf(parent, asked, await leastTrustOf(tx, parent));
  // Never beyond the deadline of what it is for.
  const leftMs = Math.min(deadlineMs, expiresInMs, Math.max(0, parent.deadline - context.now()));
  const limits = { ...options, deadlineMs: leftMs };
  const { refusal } = await judge(tx, limits, wanted);
  if (refusal) return rejectionSentence(refusal.code, refusal.values);
  const child = await admit(tx, limits, wanted);
  await tx.delegations.insert(child.id, { key, hash, runId });
  return undefined;
}

/** The same asked by a later run of the task, or once more: who waits now is told what is known. */
async function askedAgain(
  tx: Repositories,
  { context }: AdmissionOptions,
  { id }: TaskRecord,
  { author, data }: Delegated,
): Promise<void> {
  const { runId } = data;
  const known = await tx.delegations.of(id);
  if (!known) return;
  if (known.runId !== runId) {
    await tx.delegations.bindTo(id, runId);
    const { state, agent } = known.task;
    const change = { who: `agent/${author}`, what: 'bind', entity: 'task', entityId: id, state } as const;
    await record(tx, context, { ...change, why: `run ${runId} asks the same`, agent });
  }
  if (isTerminal(known.task.state)) await tellDelegator(tx, context, { ...known, runId });
}

/** Whether the agent is at work, or waits, on what this is for. */
async function waitsForIt(tx: Repositories, task: TaskRecord, agent: string): Promise<boolean> {
  if (task.agent === agent && !isTerminal(task.state)) return true;
  const parent = await parentOf(tx, task);
  return parent !== undefined && waitsForIt(tx, parent, agent);
}

/** The request that it is: for the same person, in the same conversation, one agent further from them, in an agent's words. */
function wantedOf(parent: TaskRecord, { author, data, hash }: Delegated, least: TrustLabel): Asked {
  const { requester, conversation, priority } = parent;
  return {
    author: parent.author,
    keysOf: CONTROL_NAME,
    by: `agent/${author}`,
    why: `asked by ${author} for task ${parent.id}`,
    asking: author,
    depth: parent.depth + 1,
    trust: lowered('bot', parent.trust),
    leastTrust: lowered('bot', least),
    parentId: parent.id,
    request: {
      dedupKey: pieceKey(parent.id, hash),
      agent: data.agent,
      text: data.text,
      context: `${author} asks you this for its work on what ${requester.name} has asked, and goes on with your answer.`,
      requester,
      priority,
      ...(conversation ? { conversation } : {}),
    },
  };
}

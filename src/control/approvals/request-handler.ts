import { actionHash, questionHash } from '#core/action.ts';
import { parseMessage } from '#core/envelope.ts';
import { ApprovalRequest } from '#core/messages/approval-request.ts';
import { QuestionRequest } from '#core/messages/question-request.ts';
import { type Level, levelFor } from '#core/policy.ts';
import { authorOf } from '#core/subjects.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import type { ApprovalRecord, Asks } from '../store/approval-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { type AskedByRun, refuseAsked, taskOfAsking } from './asking-run.ts';
import { leastTrustOf } from './least-trust.ts';
import { type Opened, openApproval, openApproved } from './open.ts';
import { resumeTask } from './park.ts';
import { tellAsker } from './tell.ts';

export interface DecisionRequestOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  /** Called after a request was taken or refused. */
  readonly onTaken: () => void;
  readonly log: Logger;
}

/** What an agent's daemon asks people, whichever of the two it is. */
interface Asked extends AskedByRun {
  readonly asks: Asks;
  readonly summary: string;
}

/** More than a person would look through for one task. */
const PENDING_LIMIT = 10;

/**
 * Handles requests for approvals and answers. What makes a second delivery harmless: the key is known, so nothing is
 * opened, and the agent is told again what it knows.
 */
export function decisionRequestHandler(
  options: DecisionRequestOptions,
): (message: BusMessage) => Promise<void> {
  const { store, deadLetters, onTaken, log } = options;
  return async (message) => {
    const author = authorOf(message.subject);
    const parsed = parseMessage(message.body, [ApprovalRequest, QuestionRequest]);
    if (!author || parsed.kind !== 'ok') return deadLetters.giveUp(message, parsed);
    const asked = await readAsked(author, parsed.message);
    const refusal = await store.transaction((tx) => take(tx, options, asked));
    const { taskId, runId } = asked.data;
    if (refusal) log.warn({ taskId, runId, author, reason: refusal }, 'request for a decision refused');
    else log.info({ taskId, runId, author }, 'decision asked for');
    onTaken();
    await message.ack();
  };
}

async function readAsked(author: string, message: ApprovalRequest | QuestionRequest): Promise<Asked> {
  if (message.type === QuestionRequest.type) {
    const { data } = message;
    const { question } = data;
    const hash = await questionHash(question);
    return { author, data, asks: { question }, summary: question.text, hash };
  }
  const { data } = message;
  const { action, summary } = data;
  return { author, data, asks: { action }, summary, hash: await actionHash(action) };
}

/** Takes the request, or tells its author why not; answers the reason of a refusal. */
async function take(
  tx: Repositories,
  { context }: DecisionRequestOptions,
  asked: Asked,
): Promise<string | undefined> {
  const found = await taskOfAsking(tx, asked);
  const reason = typeof found === 'string' ? found : await takeFor(tx, context, found, asked);
  if (reason === undefined) return undefined;
  await refuseAsked(tx, context, asked, { reason, task: typeof found === 'string' ? undefined : found });
  return reason;
}

async function takeFor(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  asked: Asked,
): Promise<string | undefined> {
  const { author, data, asks, summary, hash } = asked;
  const dedupKey = `${author}:${data.key}`;
  const known = await tx.approvals.byDedupKey(dedupKey);
  // Its task had been given up, and was taken up again.
  if (known?.state === 'withdrawn') {
    await tx.approvals.letGo(known.id);
    await recordAskedAgain(tx, context, known, asked, 'let-go');
  } else if (known) {
    if (known.hash !== hash || known.taskId !== task.id) {
      return 'that key stands for something else: what was changed needs a key, and an approval, of its own';
    }
    if (known.runId !== data.runId) {
      await tx.approvals.bindTo(known.id, data.runId);
      await recordAskedAgain(tx, context, known, asked, 'bind');
    }
    await tellAsker(tx, context, { ...known, runId: data.runId });
    await resumeTask(tx, context, task);
    return undefined;
  }
  const level = await levelOf(tx, context, task, asks);
  if (level === 'deny') return 'the policies of this fleet let no agent do that';
  const pending = (await tx.approvals.ofTask(task.id)).filter(({ state }) => state === 'pending');
  if (pending.length >= PENDING_LIMIT)
    return `people have ${pending.length} things to decide for this task already`;
  const opened: Opened = {
    dedupKey,
    hash,
    asks,
    summary,
    actor: `agent/${author}`,
    askedBy: author,
    runId: data.runId,
    waitMs: data.expiresInMs,
  };
  if (level === 'ask') {
    await openApproval(tx, context, task, opened);
  } else {
    await openApproved(tx, context, task, { ...opened, level });
    await resumeTask(tx, context, task);
  }
  return undefined;
}

/** What comes with words of others is trusted no further than they are. */
async function levelOf(
  tx: Repositories,
  { policies }: ControlContext,
  task: TaskRecord,
  asks: Asks,
): Promise<Level> {
  if (!policies || !('action' in asks)) return 'ask';
  return levelFor(policies, asks.action, await leastTrustOf(tx, task));
}

/** That what was asked before is asked by another run: as something new, or as what it waits for as well. */
function recordAskedAgain(
  tx: Repositories,
  context: ControlContext,
  { id, state }: ApprovalRecord,
  { author, data }: Asked,
  what: 'let-go' | 'bind',
): Promise<void> {
  const why = `run ${data.runId} asks the same${what === 'let-go' ? ', as something new' : ''}`;
  const who = `agent/${author}` as const;
  return record(tx, context, { who, what, entity: 'approval', entityId: id, state, why, agent: author });
}

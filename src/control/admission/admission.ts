import type { ArtifactRef } from '#core/artifact.ts';
import { quotable } from '#core/chat-command.ts';
import { Conversation } from '#core/conversation.ts';
import { parseMessage, type TrustLabel } from '#core/envelope.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { grantedPriority } from '#core/priority.ts';
import { refusedPersons, rejectionSentence } from '#core/rejections.ts';
import { authorOf } from '#core/subjects.ts';
import { isTerminal } from '#core/task-states.ts';
import { effectiveTrust } from '#core/trust.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { newId } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import { holdForApproval } from '../approvals/hold.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import { deliver } from '../deliveries/deliver.ts';
import { blockOnStored } from '../dependencies/settle.ts';
import { releaseDue } from '../dispatcher/release.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { NewTask } from '../store/task-repository.ts';
import { advanceTask, type ControlContext, enterTask } from '../tasks/advance.ts';
import { type Debounced, hold, takeIn } from './debounce.ts';
import { type PersonInChat, personInChat, type Refusal, type RequestLimits, refusalOf } from './refusal.ts';

export interface AdmissionOptions extends RequestLimits {
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  readonly deadlineMs: number;
  /** How long people have to approve what comes from outside. */
  readonly approvalMs: number;
  /** Called after a request was decided. */
  readonly onDecided: () => void;
  readonly log: Logger;
}

type Request = TaskCreate['data'];

/** Longest name of who asks, as requests have it. */
const NAME_LIMIT = 256;
/** Who was told why they were refused is not told again in the same conversation for this long. */
const TOLD_MS = 24 * 3600 * 1000;

/** What is made of a request: written down in one transaction, and told of after it. */
export interface Meaning {
  readonly write: (tx: Repositories) => Promise<unknown>;
  readonly onWritten: () => void;
}

/**
 * Handles requests: only here does one become a task, or a refusal with its sentence.
 * What makes a second delivery harmless: the dedup key is unique, and a known one changes nothing.
 */
export function admissionHandler(
  options: AdmissionOptions,
  interpret: (asked: Asked) => Promise<Meaning>,
): (message: BusMessage) => Promise<void> {
  const { store, deadLetters } = options;
  return async (message) => {
    const author = authorOf(message.subject);
    const parsed = parseMessage(message.body, [TaskCreate]);
    if (!author || parsed.kind !== 'ok') {
      return deadLetters.giveUp(message, parsed);
    }
    const { data, olympusdepth = 0, olympustrust } = parsed.message;
    const by = `agent/${author}` as const;
    const asked = {
      ...{ author, by, request: data, depth: olympusdepth, trust: olympustrust },
      person: personInChat(data),
    };
    const { write, onWritten } = await interpret(asked);
    await store.transaction(write);
    onWritten();
    await message.ack();
  };
}

/** What a request is measured by, and what the deciding needs. */
export type AdmissionLimits = RequestLimits &
  Pick<AdmissionOptions, 'context' | 'log' | 'deadlineMs' | 'approvalMs'>;

/** Who asks for what. */
export interface Asked {
  /** In whose name it came over the bus; it speaks in the conversation. */
  readonly author: string;
  readonly by: Actor;
  /** Why it is asked, for the record. */
  readonly why?: string | undefined;
  readonly request: Request;
  readonly depth: number;
  /** How far it says that it can be trusted; it is never trusted further than who asks. */
  readonly trust?: TrustLabel | undefined;
  /** How far the least trusted words are trusted that it comes with, where that is known. */
  readonly leastTrust?: TrustLabel | undefined;
  /** The person who asks for it in chat just now. */
  readonly person?: PersonInChat | undefined;
  /** Whose keys `dedupKey` is one of: the author's, unless another is named. Nobody can take a key of anybody else. */
  readonly keysOf?: string;
  /** Where the whole is of which the text of the request is the beginning. */
  readonly textArtifact?: ArtifactRef | undefined;
  /** The task that this one is made for. */
  readonly parentId?: string | undefined;
  /** The agent that asks from within a run of its own, over the bus. */
  readonly asking?: string | undefined;
  /** Found out before: it becomes no task, whoever asks. */
  readonly refusal?: Refusal;
  /** What it comes after, where that is more than its request can say. */
  readonly wait?: Omit<Wait, 'taskId'> | undefined;
  /** What becomes of it once it is admitted; it is queued otherwise. */
  readonly place?: ((admitted: TaskRecord) => Promise<TaskRecord>) | undefined;
}

/**
 * Makes a task of a request, or a refusal, in the caller's transaction; either is a row that says how it stands. A
 * request whose key is known already changes nothing.
 */
export async function admit(tx: Repositories, options: AdmissionLimits, asked: Asked): Promise<TaskRecord> {
  const { context, log } = options;
  const { author, by, request, keysOf = author, parentId } = asked;
  const known = await tx.tasks.byDedupKey(`${keysOf}:${request.dedupKey}`);
  if (known) {
    await answerAgain(tx, context, known);
    return known;
  }
  const { given, debounce, wait, refusal } = await judge(tx, options, asked);
  if (!refusal && debounce) {
    const taken = await takeIn(tx, context, given, { ...debounce, by, wait });
    if (taken) {
      log.info({ taskId: taken.id, requester: request.requester.name }, 'request taken into a held task');
      return taken;
    }
  }
  const why = asked.why ?? `asked by ${given.requester.name}${parentId ? ` for task ${parentId}` : ''}`;
  const task = refusal
    ? await enterTask(tx, context, given, 'reject', { by: 'control', reason: refusal.code })
    : await enterTask(tx, context, given, 'admit', { by, reason: why });
  // Also of one that is refused, which may be asked again; but nothing comes after what does not, or may not, exist.
  const isFinal = refusal && (refusal.code === 'unknown_dependency' || refusedPersons.has(refusal.code));
  if (wait && !isFinal) await tx.dependencies.add({ ...wait, taskId: task.id });
  if (refusal) return tellRefused(tx, options, task, refusal);
  if (debounce) await hold(tx, given, debounce);
  log.info({ taskId: task.id, agent: task.agent, requester: task.requester.name }, 'task admitted');
  return place(tx, options, task, {
    place: asked.place,
    waits: wait !== undefined,
    held: debounce !== undefined,
  });
}

/** What a request would be as a task, or why it may not be one. */
export interface Judged {
  readonly given: NewTask;
  readonly debounce: Debounced | undefined;
  readonly wait: Omit<Wait, 'taskId'> | undefined;
  readonly refusal: Refusal | undefined;
}

/** Judges a request whose key is not known yet; nothing is written down but that somebody has asked. */
export async function judge(tx: Repositories, options: AdmissionLimits, asked: Asked): Promise<Judged> {
  const { context, deadlineMs } = options;
  const { author, request, depth, keysOf = author, parentId } = asked;
  const target = await tx.agents.byName(request.agent);
  const now = context.now();
  const trust = effectiveTrust({ author, requester: request.requester.kind, claimed: asked.trust });
  // What people approve is the words that were shown to them: nothing from outside takes the place of others, or has its own taken.
  const debounce = trust === 'external' ? undefined : request.debounce && { ...request.debounce, keysOf };
  const given: NewTask = {
    id: newId(now),
    dedupKey: `${keysOf}:${request.dedupKey}`,
    agent: request.agent,
    domain: request.domain ?? target?.heartbeat.domains[0] ?? 'none',
    text: request.text,
    textArtifact: asked.textArtifact,
    context: request.context,
    requester: { ...request.requester, name: quotable(request.requester.name, NAME_LIMIT) },
    depth,
    priority: grantedPriority(request.priority, keysOf),
    trust,
    leastTrust: asked.leastTrust,
    author,
    parentId,
    // Only what is known here: it is repeated in every delivery.
    conversation: request.conversation && Conversation.strip().parse(request.conversation),
    notBefore: now + (debounce?.windowMs ?? 0),
    deadline: now + deadlineMs,
    now,
  };
  const { after = [], whenItFails = 'fail' } = request;
  const needed = after.length > 0 ? { after: after.map((each) => ({ id: each })), whenItFails } : undefined;
  const wait = asked.wait ?? needed;
  const { person, refusal: found } = asked;
  const asking = asked.asking === undefined ? undefined : await tx.agents.byName(asked.asking);
  const refusal = await refusalOf(tx, options, { task: given, target, after, person, asking, found });
  return { given, debounce, wait, refusal };
}

/** What becomes of a task that was admitted. */
async function place(
  tx: Repositories,
  { context, approvalMs }: AdmissionLimits,
  task: TaskRecord,
  how: { readonly place: Asked['place']; readonly waits: boolean; readonly held: boolean },
): Promise<TaskRecord> {
  if (task.trust === 'external') return holdForApproval(tx, context, task, approvalMs);
  await deliver(tx, context, task, { state: 'admitted' });
  if (how.place) return how.place(task);
  if (how.waits) return blockOnStored(tx, context, task);
  const queued = await advanceTask(tx, context, task, 'queue', {
    by: 'control',
    reason: how.held ? 'held for later requests of the same key' : `waiting for ${task.agent}`,
  });
  const released = await releaseDue(tx, context, task.agent);
  return released.find(({ id }) => id === task.id) ?? queued;
}

async function tellRefused(
  tx: Repositories,
  { context, log }: AdmissionLimits,
  task: TaskRecord,
  refusal: Refusal,
): Promise<TaskRecord> {
  const text = (await isToldAlready(tx, task, refusal))
    ? undefined
    : rejectionSentence(refusal.code, refusal.values);
  await deliver(tx, context, task, { state: 'rejected', text });
  log.info({ taskId: task.id, agent: task.agent, reason: refusal.code }, 'request rejected');
  return task;
}

/**
 * A bot that answers every refusal would go on for ever: it is told once a conversation. A person who may not ask there
 * may go on talking in the thread.
 */
async function isToldAlready(
  tx: Repositories,
  { conversation, requester, createdAt }: TaskRecord,
  { code }: Refusal,
): Promise<boolean> {
  if (!conversation || (requester.kind === 'human' && !refusedPersons.has(code))) return false;
  const since = requester.kind === 'bot' ? 0 : createdAt - TOLD_MS;
  return (await tx.tasks.refusals(conversation.id, { requesterId: requester.id, reason: code, since })) > 1;
}

/** The asker may have lost its own records: show it again how a settled task ended, without repeating the answer. */
async function answerAgain(tx: Repositories, context: ControlContext, task: TaskRecord): Promise<void> {
  if (!isTerminal(task.state)) return deliver(tx, context, task, { state: 'admitted' });
  const state = task.state === 'completed' ? 'completed' : task.state === 'expired' ? 'expired' : 'failed';
  await deliver(tx, context, task, { state });
}

import { DeadLetterSummary, type DeadLetterView, type LetterFilter, letterStreams } from '#core/api.ts';
import { parseMessage } from '#core/envelope.ts';
import { DeadLetter } from '#core/messages/dead-letter.ts';
import { streamNames } from '#core/streams.ts';
import { runIdOf } from '#core/subjects.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { publish } from '#integrations/nats/publisher.ts';
import {
  newestMessages,
  removeMessage,
  type StoredMessage,
  storedMessage,
} from '#integrations/nats/stored-messages.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { queueAgain } from '../tasks/retry.ts';
import { redriven, type Wish } from './on-record.ts';

export interface LettersOptions {
  readonly bus: BusConnection;
  readonly store: Store;
  readonly context: ControlContext;
  /** How long a task that is queued again may take. */
  readonly deadlineMs: number;
  /** Called after a task was queued again. */
  readonly onQueued: () => void;
}

/** What became of a redrive: it went out again, or the sentence why there was nothing to do. */
export type Redriven = { readonly kind: 'sent' } | { readonly kind: 'refused'; readonly sentence: string };

/** The dead letters as people see them. The stream holds them; a letter's id is its place there. */
export class Letters {
  readonly #options: LettersOptions;

  constructor(options: LettersOptions) {
    this.#options = options;
  }

  /** Newest first. */
  async list({ limit, stream, author, before }: LetterFilter): Promise<DeadLetterSummary[]> {
    const { bus, context } = this.#options;
    const summaries: DeadLetterSummary[] = [];
    const subjects = context.subjects.deadLetters(stream && letterStreams[stream], author);
    for await (const message of newestMessages(bus, streamNames.deadLetters, { subjects, before })) {
      const view = viewOf(message);
      if (view) summaries.push(DeadLetterSummary.strip().parse(view));
      if (summaries.length >= limit) break;
    }
    return summaries;
  }

  async byId(id: number): Promise<DeadLetterView | undefined> {
    const message = await storedMessage(this.#options.bus, streamNames.deadLetters, id);
    return message && viewOf(message);
  }

  /**
   * Handles the message once more: a run's task is queued again, any other goes back to its subject. The letter goes
   * only after that; redriven twice, the second finds the same message id, or a task that is under way.
   */
  async redrive(letter: DeadLetterView, asked: Wish): Promise<Redriven> {
    const { bus } = this.#options;
    const outcome =
      letter.stream === streamNames.tasks
        ? await this.#queueAgain(letter, asked)
        : await this.#sendAgain(letter, asked);
    if (outcome.kind === 'sent') await removeMessage(bus, streamNames.deadLetters, letter.id);
    return outcome;
  }

  async #queueAgain({ subject }: DeadLetterView, { by, why }: Wish): Promise<Redriven> {
    const { store, context, deadlineMs, onQueued } = this.#options;
    const runId = runIdOf(subject);
    const outcome = await store.transaction(async (tx): Promise<Redriven> => {
      const run = await tx.runs.byId(runId);
      const task = run && (await tx.tasks.byId(run.taskId));
      if (!task) return refused(`the run ${runId} is not known here`);
      if (task.state !== 'dead_lettered') return refused(`its task ${task.id} is ${task.state}`);
      await queueAgain(tx, context, task, { by, why, deadlineMs });
      return { kind: 'sent' };
    });
    onQueued();
    return outcome;
  }

  async #sendAgain(letter: DeadLetterView, asked: Wish): Promise<Redriven> {
    const { id, subject, body, bodyBytes } = letter;
    const bytes = Buffer.from(body, 'base64');
    if (bodyBytes === 0) return refused('the message itself is gone; only that it was there is known');
    if (bytes.length < bodyBytes) return refused(`of its ${bodyBytes} bytes only ${bytes.length} were kept`);
    const { bus, store, context } = this.#options;
    await store.transaction((tx) => record(tx, context, redriven(letter, asked)));
    await publish(bus, { subject, msgId: `redrive:${id}`, body: bytes });
    return { kind: 'sent' };
  }
}

function refused(sentence: string): Redriven {
  return { kind: 'refused', sentence };
}

function viewOf({ seq, body, storedAt }: StoredMessage): DeadLetterView | undefined {
  const parsed = parseMessage(body, [DeadLetter]);
  if (parsed.kind !== 'ok') return undefined;
  const {
    reason,
    detail,
    stream,
    seq: place,
    subject,
    deliveries,
    bodyBytes,
    body: kept,
  } = parsed.message.data;
  return {
    id: seq,
    at: storedAt.toISOString(),
    reason,
    ...(detail ? { detail } : {}),
    stream,
    ...(place === undefined ? {} : { seq: place }),
    subject,
    deliveries,
    body: kept,
    bodyBytes,
  };
}

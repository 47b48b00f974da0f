import type { ParsedMessage } from '#core/envelope.ts';
import { DEAD_LETTER_BODY_LIMIT, DeadLetter, type DeadLetterReason } from '#core/messages/dead-letter.ts';
import { streamNames } from '#core/streams.ts';
import { answerableFor } from '#core/subjects.ts';
import { Token } from '#core/tokens.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { publish } from '#integrations/nats/publisher.ts';
import { messagesUpTo } from '#integrations/nats/stored-messages.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { newId } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { letterName, recordOnce } from './on-record.ts';

/** A message that is given up, and why. */
export interface Burial extends Pick<BusMessage, 'stream' | 'subject' | 'body'> {
  /** Where the stream holds it, since when (Unix ms); undefined where it is gone and only its subject is known, which is its own. */
  readonly place?: { readonly seq: number; readonly storedAt: number } | undefined;
  /** Whether its letter may be there already: from a process that ended before the message was taken away. */
  readonly mayStand: boolean;
  readonly deliveries: number;
  readonly reason: DeadLetterReason;
  readonly detail?: string | undefined;
}

/** Writes what cannot be handled where a person finds it. */
export class DeadLetters {
  readonly #bus: BusConnection;
  readonly #store: Store;
  readonly #context: ControlContext;
  readonly #log: Logger;

  constructor(options: {
    readonly bus: BusConnection;
    readonly store: Store;
    readonly context: ControlContext;
    readonly log: Logger;
  }) {
    this.#bus = options.bus;
    this.#store = options.store;
    this.#context = options.context;
    this.#log = options.log;
  }

  /** For a handler that cannot read its message: first the letter, then the message goes. */
  async giveUp(message: BusMessage, problem: ParsedMessage<unknown>): Promise<void> {
    const { seq, storedAt, deliveryCount: deliveries } = message;
    const mayStand = deliveries > 1;
    await this.write({ ...message, place: { seq, storedAt }, mayStand, deliveries, ...verdictOn(problem) });
    message.term(problem.kind);
  }

  /**
   * Resolves once the letter is stored, and on record. Asked again for the same message it stands there once: the server
   * drops a copy for some minutes, and after that it is looked for. A stream that was made anew gives the same places to
   * other messages.
   */
  async write({ stream, place, subject, body, deliveries, reason, detail, mayStand }: Burial): Promise<void> {
    const { fleet, subjects, now } = this.#context;
    const author = Token.safeParse(answerableFor(subject) ?? 'control').data ?? 'control';
    const letterSubject = subjects.deadLetter(stream, author);
    const msgId = `dlq:${stream}:${place ? `${place.seq}:${place.storedAt}` : subject}`;
    const at = now();
    const letter = DeadLetter.create(
      {
        id: newId(at),
        source: `/fleets/${fleet}/control`,
        subject: place ? `stream/${stream}/${place.seq}` : `stream/${stream}`,
        time: new Date(at).toISOString(),
      },
      {
        reason,
        ...(detail ? { detail: detail.slice(0, 1000) } : {}),
        stream,
        ...(place ? { seq: place.seq } : {}),
        subject,
        deliveries,
        body: Buffer.from(body.subarray(0, DEAD_LETTER_BODY_LIMIT)).toString('base64'),
        bodyBytes: body.length,
      },
    );
    const stands = mayStand && (await this.#stands(letterSubject, msgId));
    const outcome = stands
      ? 'duplicate'
      : await publish(this.#bus, { subject: letterSubject, msgId, body: JSON.stringify(letter) });
    const change = {
      ...({ who: 'control', what: 'give-up', entity: 'letter', state: 'stored' } as const),
      entityId: letterName({ stream, seq: place?.seq, subject }),
      why: detail ? `${reason}: ${detail.slice(0, 1000)}` : reason,
    };
    // One that stood there already may lack its record. Places of a stream in memory come again: a new letter is a new record.
    if (outcome === 'duplicate') return recordOnce(this.#store, this.#context, change);
    await this.#store.transaction((tx) => record(tx, this.#context, change));
    this.#log.error({ stream, seq: place?.seq, subject, reason, detail }, 'message given up');
  }

  /** Of an author's letters about a stream only so many are kept that all can be looked at. */
  async #stands(letterSubject: string, msgId: string): Promise<boolean> {
    const all = messagesUpTo(this.#bus, streamNames.deadLetters, letterSubject, Number.POSITIVE_INFINITY);
    for await (const letter of all) if (letter.msgId === msgId) return true;
    return false;
  }
}

/** Why a message that was read in vain is given up. */
export function verdictOn(problem: ParsedMessage<unknown>): Pick<Burial, 'reason' | 'detail'> {
  switch (problem.kind) {
    case 'unknown_type':
      return { reason: 'unknown_type', detail: problem.type };
    case 'invalid':
      return { reason: 'message_invalid', detail: problem.reason };
    case 'ok':
      return { reason: 'message_invalid', detail: 'the agent in its body is not the one of its subject' };
    default:
      return problem satisfies never;
  }
}

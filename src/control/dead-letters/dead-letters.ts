import type { ParsedMessage } from '#core/envelope.ts';
import { DEAD_LETTER_BODY_LIMIT, DeadLetter, type DeadLetterReason } from '#core/messages/dead-letter.ts';
import { authorOf } from '#core/subjects.ts';
import { Token } from '#core/tokens.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { publish } from '#integrations/nats/publisher.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { newId } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import type { ControlContext } from '../tasks/advance.ts';

/** A message that is given up, and why. */
export interface Burial extends Pick<BusMessage, 'stream' | 'seq' | 'subject' | 'body'> {
  readonly deliveries: number;
  readonly reason: DeadLetterReason;
  readonly detail?: string | undefined;
}

/** Writes what cannot be handled where a person finds it. */
export class DeadLetters {
  readonly #bus: BusConnection;
  readonly #context: ControlContext;
  readonly #log: Logger;

  constructor(options: {
    readonly bus: BusConnection;
    readonly context: ControlContext;
    readonly log: Logger;
  }) {
    this.#bus = options.bus;
    this.#context = options.context;
    this.#log = options.log;
  }

  /** For a handler that cannot read its message: first the letter, then the message goes. */
  async giveUp(message: BusMessage, problem: ParsedMessage<unknown>): Promise<void> {
    await this.write({ ...message, deliveries: message.deliveryCount, ...verdictOn(problem) });
    message.term(problem.kind);
  }

  /** Resolves once the letter is stored. Asked again for the same message it stands there once. */
  async write({ stream, seq, subject, body, deliveries, reason, detail }: Burial): Promise<void> {
    const { fleet, subjects, now } = this.#context;
    const at = now();
    const letter = DeadLetter.create(
      {
        id: newId(at),
        source: `/fleets/${fleet}/control`,
        subject: `stream/${stream}/${seq}`,
        time: new Date(at).toISOString(),
      },
      {
        reason,
        ...(detail ? { detail: detail.slice(0, 1000) } : {}),
        stream,
        seq,
        subject,
        deliveries,
        body: Buffer.from(body.subarray(0, DEAD_LETTER_BODY_LIMIT)).toString('base64'),
        bodyBytes: body.length,
      },
    );
    const author = Token.safeParse(authorOf(subject) ?? 'control').data ?? 'control';
    const outcome = await publish(this.#bus, {
      subject: subjects.deadLetter(stream, author),
      msgId: `dlq:${stream}:${seq}`,
      body: JSON.stringify(letter),
    });
    if (outcome === 'stored') this.#log.error({ stream, seq, subject, reason, detail }, 'message given up');
  }
}

function verdictOn(problem: ParsedMessage<unknown>): Pick<Burial, 'reason' | 'detail'> {
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

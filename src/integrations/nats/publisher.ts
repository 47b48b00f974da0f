import { setImmediate } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import { messageOf, OlympusError } from '#core/errors.ts';
import { streamTaking } from '#core/stream-taking.ts';
import type { BusConnection } from './connection.ts';

/** `stored`: now. `duplicate`: the server already had this id, or already holds a message on this one-message subject. */
export type PublishOutcome = 'stored' | 'duplicate';

/** Error code of a stream that is full, and also of a taken subject: told apart by text only. */
const LIMIT_REACHED = 10077;

export interface Publishable {
  readonly subject: string;
  readonly body: string | Uint8Array;
  readonly msgId: string;
}

/**
 * Publishes `body` and waits until the stream of the table has it on disk; no other one takes it in its place. Asking
 * twice with the same `msgId` stores once. Throws `bus_unavailable` when that is not certain: try again with the same id.
 */
export async function publish(bus: BusConnection, message: Publishable): Promise<PublishOutcome> {
  const expect = { streamName: streamTaking(message.subject) };
  const options = { msgID: message.msgId, expect, timeout: 5000, retries: 0 };
  try {
    const ack = await bus.jetstream().publish(message.subject, message.body, options);
    return ack.duplicate ? 'duplicate' : 'stored';
  } catch (error) {
    if (error instanceof OlympusError) throw error;
    if (
      error instanceof JetStreamApiError &&
      error.code === LIMIT_REACHED &&
      error.message.includes('per subject')
    ) {
      return 'duplicate';
    }
    throw new OlympusError('bus_unavailable', `publish on ${message.subject} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Publishes to one stream that refuses nothing (`discard: old`). What is asked for within one turn of the event loop
 * goes out together, and only the last is confirmed: the server takes the messages of a connection in order, so that
 * what confirms the last confirms all. A connection that breaks in between leaves the last one unconfirmed; all are
 * then to be published again with their ids, as after any other failure.
 */
export class LogPublisher {
  readonly #bus: BusConnection;
  #waiting: Publishable[] = [];
  #flushed: Promise<void> | undefined;

  constructor(bus: BusConnection) {
    this.#bus = bus;
  }

  /** Resolves when the stream has it; throws `bus_unavailable` when that is not certain. */
  publish(message: Publishable): Promise<void> {
    this.#waiting.push(message);
    this.#flushed ??= this.#flush();
    return this.#flushed;
  }

  async #flush(): Promise<void> {
    await setImmediate();
    const together = this.#waiting;
    this.#waiting = [];
    this.#flushed = undefined;
    const last = together.pop();
    if (!last) return;
    for (const { subject, body, msgId } of together) {
      this.#bus.send(subject, body, { msgId, stream: streamTaking(subject) });
    }
    await publish(this.#bus, last);
  }
}

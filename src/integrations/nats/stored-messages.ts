import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import type { BusConnection } from './connection.ts';

/** A message as a stream holds it. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly storedAt: Date;
}

/** The message at this place of the stream; undefined when there is none (any more). */
export async function storedMessage(
  bus: BusConnection,
  stream: string,
  seq: number,
): Promise<StoredMessage | undefined> {
  const found = await (await bus.manager()).streams.getMessage(stream, { seq });
  return found
    ? { seq: found.seq, subject: found.subject, body: found.data, storedAt: found.time }
    : undefined;
}

/** The messages of a stream, newest first; each is fetched when it is asked for. */
export async function* newestMessages(bus: BusConnection, stream: string): AsyncGenerator<StoredMessage> {
  const { state } = await (await bus.manager()).streams.info(stream);
  for (let seq = state.last_seq; seq >= state.first_seq && seq > 0; seq -= 1) {
    const message = await storedMessage(bus, stream, seq);
    if (message) yield message;
  }
}

/** The last message of each subject of a stream. */
export async function lastOfEachSubject(bus: BusConnection, stream: string): Promise<StoredMessage[]> {
  const manager = await bus.manager();
  const { state } = await manager.streams.info(stream, { subjects_filter: '>' });
  const found: StoredMessage[] = [];
  for (const subject of Object.keys(state.subjects ?? {})) {
    const message = await manager.streams.getMessage(stream, { last_by_subj: subject });
    if (message) {
      found.push({ seq: message.seq, subject: message.subject, body: message.data, storedAt: message.time });
    }
  }
  return found;
}

/** Takes a message out of its stream. One that is gone already is no error. */
export async function removeMessage(bus: BusConnection, stream: string, seq: number): Promise<void> {
  const manager = await bus.manager();
  try {
    await manager.streams.deleteMessage(stream, seq);
  } catch (error) {
    if (await manager.streams.getMessage(stream, { seq })) throw error;
  }
}

/**
 * Up to which place the consumer is done with everything: what a work queue still holds up to there was given up, for
 * what is acknowledged leaves it. It may say less than is true while something is out. 0 without such a consumer.
 */
export async function settledUpTo(bus: BusConnection, stream: string, durable: string): Promise<number> {
  const manager = await bus.manager();
  try {
    const { ack_floor, delivered, num_ack_pending } = await manager.consumers.info(stream, durable);
    return num_ack_pending === 0 ? delivered.stream_seq : ack_floor.stream_seq;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return 0;
    throw error;
  }
}

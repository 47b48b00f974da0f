import { JetStreamApiCodes, JetStreamApiError, type StoredMsg } from '@nats-io/jetstream';
import type { BusConnection } from './connection.ts';

/** A message as a stream holds it. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly storedAt: Date;
  /** The id that whoever published it gave it. */
  readonly msgId: string | undefined;
}

/** The message at this place of the stream; undefined when there is none (any more). */
export async function storedMessage(
  bus: BusConnection,
  stream: string,
  seq: number,
): Promise<StoredMessage | undefined> {
  return asStored(await (await bus.manager()).streams.getMessage(stream, { seq }));
}

/**
 * The messages of a stream on these subjects, newest first, those before the place `before`; each is fetched when it is asked
 * for. What lies between them costs a few requests for each gap, however long that is.
 */
export async function* newestMessages(
  bus: BusConnection,
  stream: string,
  { subjects = '>', before }: { readonly subjects?: string; readonly before?: number | undefined } = {},
): AsyncGenerator<StoredMessage> {
  const { state } = await (await bus.manager()).streams.info(stream);
  let place = Math.min(state.last_seq, (before ?? Number.POSITIVE_INFINITY) - 1);
  while (place >= state.first_seq && place > 0) {
    const message = await lastUpTo(bus, stream, subjects, place);
    if (!message) return;
    yield message;
    place = message.seq - 1;
  }
}

/**
 * The last message on these subjects at this place or before it. The server only looks forward: steps back that double find
 * one, and halving what lies between finds the last.
 */
async function lastUpTo(
  bus: BusConnection,
  stream: string,
  subjects: string,
  place: number,
): Promise<StoredMessage | undefined> {
  let found: StoredMessage | undefined;
  // From here on up to `place` there is none.
  let none = place + 1;
  for (let step = 1; !found && none > 1; step *= 2) {
    const from = Math.max(1, none - step);
    found = await firstWithin(bus, stream, subjects, from, place);
    if (!found) none = from;
  }
  while (found && found.seq + 1 < none) {
    const middle = Math.floor((found.seq + 1 + none) / 2);
    const later = await firstWithin(bus, stream, subjects, middle, place);
    if (later) found = later;
    else none = middle;
  }
  return found;
}

async function firstWithin(
  bus: BusConnection,
  stream: string,
  subjects: string,
  from: number,
  to: number,
): Promise<StoredMessage | undefined> {
  const message = await firstFrom(bus, stream, subjects, from);
  return message && message.seq <= to ? message : undefined;
}

/** The messages on these subjects from the first up to this place, oldest first; each is fetched when it is asked for. */
export async function* messagesUpTo(
  bus: BusConnection,
  stream: string,
  subjects: string,
  place: number,
): AsyncGenerator<StoredMessage> {
  for (let seq = 1; seq <= place; ) {
    const message = await firstFrom(bus, stream, subjects, seq);
    if (!message || message.seq > place) return;
    yield message;
    seq = message.seq + 1;
  }
}

/** The first message on these subjects at this place or after it. */
async function firstFrom(
  bus: BusConnection,
  stream: string,
  subjects: string,
  seq: number,
): Promise<StoredMessage | undefined> {
  const query = { seq, next_by_subj: subjects };
  return asStored(await (await bus.manager()).streams.getMessage(stream, query));
}

function asStored(found: StoredMsg | null): StoredMessage | undefined {
  if (!found) return undefined;
  const { seq, subject, data, time, header } = found;
  return { seq, subject, body: data, storedAt: time, msgId: header.get('Nats-Msg-Id') || undefined };
}

/** The last message of each subject of a stream. */
export async function lastOfEachSubject(bus: BusConnection, stream: string): Promise<StoredMessage[]> {
  const manager = await bus.manager();
  const { state } = await manager.streams.info(stream, { subjects_filter: '>' });
  const found: StoredMessage[] = [];
  for (const subject of Object.keys(state.subjects ?? {})) {
    const message = asStored(await manager.streams.getMessage(stream, { last_by_subj: subject }));
    if (message) found.push(message);
  }
  return found;
}

/** Whether the stream holds a message on this subject. */
export async function holdsSubject(bus: BusConnection, stream: string, subject: string): Promise<boolean> {
  return (await (await bus.manager()).streams.getMessage(stream, { last_by_subj: subject })) !== null;
}

/** The place of the last message that the stream has ever taken; 0 before the first. */
export async function lastPlace(bus: BusConnection, stream: string): Promise<number> {
  return (await (await bus.manager()).streams.info(stream)).state.last_seq;
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

/** Whether the consumer has acknowledged all up to this place that it is given. */
export async function hasHandled(
  bus: BusConnection,
  stream: string,
  durable: string,
  place: number,
): Promise<boolean> {
  const { ack_floor, num_ack_pending, num_pending } = await (await bus.manager()).consumers.info(
    stream,
    durable,
  );
  return (num_ack_pending === 0 && num_pending === 0) || ack_floor.stream_seq >= place;
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

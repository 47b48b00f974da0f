import { JetStreamApiError } from '@nats-io/jetstream';
import { messageOf, OlympusError } from '#core/errors.ts';
import { keySubject } from '#core/streams.ts';
import type { BusConnection } from './connection.ts';

export interface ExpectedWrite {
  readonly bucket: string;
  readonly key: string;
  readonly value: unknown;
  /** The sequence of the key's last write; 0: the key is not there. */
  readonly expects: number;
  /** The value is gone after this, whatever the bucket says. */
  readonly endsAfterSeconds?: number;
}

export type WriteOutcome =
  | { readonly kind: 'stored'; readonly sequence: number }
  /** Somebody else wrote; `last` is the sequence of that, 0 when the key is not there, if the server said so. */
  | { readonly kind: 'refused'; readonly last: number | undefined };

const WRONG_LAST_SEQUENCE = 10071;
/** Shorter than what a holder has left after a renewal that was tried in time. */
const TIMEOUT_MS = 5000;

/**
 * Writes a key of a bucket if its last write is the expected one; needs the right to publish there and no right to read.
 * Throws `bus_unavailable` when it is not certain whether the server has stored it.
 */
export async function writeExpected(bus: BusConnection, write: ExpectedWrite): Promise<WriteOutcome> {
  const subject = keySubject(write.bucket, write.key);
  try {
    const ack = await bus.jetstream().publish(subject, JSON.stringify(write.value), {
      expect: { lastSubjectSequence: write.expects },
      timeout: TIMEOUT_MS,
      retries: 0,
      ...(write.endsAfterSeconds ? { ttl: `${write.endsAfterSeconds}s` } : {}),
    });
    return { kind: 'stored', sequence: ack.seq };
  } catch (error) {
    if (error instanceof OlympusError) throw error;
    if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) {
      return { kind: 'refused', last: lastOf(error.message) };
    }
    throw new OlympusError('bus_unavailable', `write of ${subject} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The server says it in words only: "wrong last sequence: 7". */
function lastOf(message: string): number | undefined {
  const found = /wrong last sequence: (\d+)/.exec(message)?.[1];
  return found === undefined ? undefined : Number(found);
}

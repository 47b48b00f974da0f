import { JetStreamApiError } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { messageOf, OlympusError } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { BusConnection } from './connection.ts';

/** There is no room in the bucket until something in it grows old. */
export class BucketFull extends Error {}

/** Below the largest message with its headers. */
const CHUNK_BYTES = 512 * 1024;
const LIMIT_REACHED = 10077;
const READ_MS = 30_000;
const NEVER = new AbortController().signal;

/**
 * Writes an object, over whatever had the name. One that was cut short has no description, so it is not there; its
 * chunks go when they are old. Throws `bus_unavailable` when it is not certain.
 */
export async function putObject(
  bus: BusConnection,
  bucket: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const store = await open(bus, bucket);
  try {
    await store.putBlob({ name, options: { max_chunk_size: CHUNK_BYTES } }, bytes);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === LIMIT_REACHED) {
      throw new BucketFull(messageOf(error), { cause: error });
    }
    throw new OlympusError('bus_unavailable', `an object could not be stored: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether the object is there, by its description. */
export async function hasObject(bus: BusConnection, bucket: string, name: string): Promise<boolean> {
  return (await (await open(bus, bucket)).info(name)) !== null;
}

/** The object, checked against its own digest; undefined when it is not, or no longer, there as a whole. */
export async function getObject(
  bus: BusConnection,
  bucket: string,
  name: string,
): Promise<Uint8Array | undefined> {
  const store = await open(bus, bucket);
  // The library waits for chunks that have grown too old for as long as it is let.
  const bytes = await withDeadline(`reading ${name}`, READ_MS, NEVER, () => store.getBlob(name));
  return bytes ?? undefined;
}

/** The bucket is made by control from the table; opening it asks the server nothing. */
function open(bus: BusConnection, bucket: string): Promise<ObjectStore> {
  return new Objm(bus.jetstream()).open(bucket, false);
}

import { createHash } from 'node:crypto';
import { JetStreamApiError } from '@nats-io/jetstream';
import { headers } from 'nats';
import { z } from 'zod';
import { messageOf, OlympusError } from '#core/errors.ts';
import { newNonce } from '#lib/id.ts';
import type { BusConnection } from './connection.ts';

/** There is no room in the bucket until something in it grows old. */
export class BucketFull extends Error {}

/** Below the largest message with its headers. */
const CHUNK_BYTES = 512 * 1024;
const TIMEOUT_MS = 5000;
const LIMIT_REACHED = 10077;

/** What the object store says of an object; fields as the client libraries of NATS read and write them (ADR-20). */
const ObjectInfo = z.looseObject({
  nuid: z.string(),
  size: z.int().nonnegative(),
  chunks: z.int().nonnegative(),
  digest: z.string(),
});

/**
 * Writes an object in chunks and then its description, over whatever had the name. One that was cut short has no
 * description, so it is not there; its chunks go when they are old. Throws `bus_unavailable` when it is not certain.
 */
export async function putObject(
  bus: BusConnection,
  bucket: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const nuid = newNonce();
  let chunks = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    await store(bus, `$O.${bucket}.C.${nuid}`, bytes.subarray(at, at + CHUNK_BYTES));
    chunks += 1;
  }
  const info = {
    name,
    bucket,
    nuid,
    size: bytes.length,
    mtime: new Date().toISOString(),
    chunks,
    digest: digestOf(bytes),
    options: { max_chunk_size: CHUNK_BYTES },
  };
  await store(bus, infoSubject(bucket, name), JSON.stringify(info), 'sub');
}

/** Whether the object is there, by its description. */
export async function hasObject(bus: BusConnection, bucket: string, name: string): Promise<boolean> {
  return (await infoOf(bus, bucket, name)) !== undefined;
}

/** The object, checked against its own digest; undefined when it is not, or no longer, there as a whole. */
export async function getObject(
  bus: BusConnection,
  bucket: string,
  name: string,
): Promise<Uint8Array | undefined> {
  const info = await infoOf(bus, bucket, name);
  if (!info) return undefined;
  const { direct } = await bus.manager();
  const chunks: Uint8Array[] = [];
  let seq = 1;
  for (let index = 0; index < info.chunks; index += 1) {
    const chunk = await direct.getMessage(streamOf(bucket), {
      seq,
      next_by_subj: `$O.${bucket}.C.${info.nuid}`,
    });
    if (!chunk) return undefined;
    chunks.push(chunk.data);
    seq = chunk.seq + 1;
  }
  const bytes = Buffer.concat(chunks);
  return digestOf(bytes) === info.digest ? bytes : undefined;
}

async function infoOf(bus: BusConnection, bucket: string, name: string) {
  const { direct } = await bus.manager();
  const found = await direct.getMessage(streamOf(bucket), { last_by_subj: infoSubject(bucket, name) });
  return found ? ObjectInfo.parse(JSON.parse(found.string())) : undefined;
}

async function store(
  bus: BusConnection,
  subject: string,
  body: Uint8Array | string,
  rollup?: 'sub',
): Promise<void> {
  const given = headers();
  if (rollup) given.set('Nats-Rollup', rollup);
  try {
    await bus.jetstream().publish(subject, body, { headers: given, timeout: TIMEOUT_MS, retries: 0 });
  } catch (error) {
    if (error instanceof OlympusError) throw error;
    if (error instanceof JetStreamApiError && error.code === LIMIT_REACHED) {
      throw new BucketFull(messageOf(error), { cause: error });
    }
    throw new OlympusError('bus_unavailable', `an object could not be stored: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function streamOf(bucket: string): string {
  return `OBJ_${bucket}`;
}

function infoSubject(bucket: string, name: string): string {
  return `$O.${bucket}.M.${Buffer.from(name).toString('base64url')}`;
}

function digestOf(bytes: Uint8Array): string {
  return `SHA-256=${createHash('sha256').update(bytes).digest('base64url')}`;
}

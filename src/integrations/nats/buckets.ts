import { Kvm } from '@nats-io/kv';
import type { BucketSpec } from '#core/streams.ts';
import type { BusConnection } from './connection.ts';

/** Makes the bucket exist as specified. May run twice. */
export async function ensureBucket(bus: BusConnection, spec: BucketSpec): Promise<void> {
  await new Kvm(bus.jetstream()).create(spec.name, {
    history: spec.history,
    max_bytes: spec.maxBytes,
    maxValueSize: spec.maxValueSize,
    replicas: 1,
  });
}

/** Writes a value as JSON, over whatever was there. Throws when the bus does not confirm it. */
export async function putValue(
  bus: BusConnection,
  bucket: string,
  key: string,
  value: unknown,
): Promise<void> {
  const kv = await new Kvm(bus.jetstream()).open(bucket, { allow_direct: true });
  await kv.put(key, JSON.stringify(value));
}

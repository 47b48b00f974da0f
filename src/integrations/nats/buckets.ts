import { Kvm } from '@nats-io/kv';
import type { BusConnection } from './connection.ts';

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

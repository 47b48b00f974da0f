import {
  type ConsumerInfo,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  PersistMode,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { BucketSpec, ConsumerSpec, StreamSpec } from '#core/streams.ts';
import { type Drift, driftOf } from './drift.ts';
import {
  bucketConfig,
  consumerConfig,
  persistModeOf,
  streamConfig,
  type Whole,
  type WholeStream,
} from './stream-config.ts';

/**
 * Makes the stream exist as specified: created, or updated where it differs. May run twice. Answers what the server
 * does not let be put right. How it is synced was decided when it was created and stays so.
 */
export async function ensureStream(manager: JetStreamManager, spec: StreamSpec): Promise<Drift[]> {
  return ensureConfig(manager, streamConfig(spec), persistModeOf(spec));
}

/** Makes the bucket exist as specified: created, or updated where it differs. May run twice. Answers as `ensureStream`. */
export async function ensureBucket(manager: JetStreamManager, spec: BucketSpec): Promise<Drift[]> {
  return ensureConfig(manager, bucketConfig(spec), PersistMode.Default);
}

/**
 * Makes the consumer exist as specified, and go on where somebody has paused it. It is updated in place, never made
 * anew: that would forget delivery counts. Answers as `ensureStream`.
 */
export async function ensureConsumer(manager: JetStreamManager, spec: ConsumerSpec): Promise<Drift[]> {
  const wanted = consumerConfig(spec);
  const { stream, durable } = spec;
  const drift = ({ config }: ConsumerInfo): Drift[] => driftOf(`${durable} of ${stream}`, wanted, config);
  const found = await unless(JetStreamApiCodes.ConsumerNotFound, manager.consumers.info(stream, durable));
  if (!found) return drift(await manager.consumers.add(stream, stated(wanted)));
  if (drift(found).length === 0) return [];
  // An update leaves a pause as it is.
  if (found.config.pause_until !== undefined) await manager.consumers.resume(stream, durable);
  return drift(await manager.consumers.update(stream, durable, stated(wanted)));
}

async function ensureConfig(
  manager: JetStreamManager,
  wanted: WholeStream,
  persist_mode: PersistMode,
): Promise<Drift[]> {
  const drift = ({ config }: StreamInfo): Drift[] => {
    // Synced at once where it need not be is only slower: a fleet from before.
    const compared = persist_mode === PersistMode.Async ? { ...config, persist_mode } : config;
    return driftOf(wanted.name, { ...wanted, persist_mode }, compared);
  };
  const { streams } = manager;
  const found = await unless(JetStreamApiCodes.StreamNotFound, streams.info(wanted.name));
  if (!found) return drift(await streams.add({ ...stated(wanted), name: wanted.name, persist_mode }));
  if (drift(found).length === 0) return [];
  const updated = await refusable(streams.update(wanted.name, stated(wanted)));
  if (!(updated instanceof JetStreamApiError)) return drift(updated);
  return oneByOne(manager, wanted, drift);
}

/**
 * For an update that was refused as a whole: one setting that the server does not take back is not to keep the others
 * as they are. Goes round until nothing moves, as some settings are taken only after others.
 */
async function oneByOne(
  { streams }: JetStreamManager,
  wanted: WholeStream,
  drift: (info: StreamInfo) => Drift[],
): Promise<Drift[]> {
  const settings = new Map<string, unknown>(Object.entries(wanted));
  let left = drift(await streams.info(wanted.name));
  for (;;) {
    const why = new Map<string, string>();
    for (const { field } of left) {
      const answer = await refusable(streams.update(wanted.name, { [field]: settings.get(field) }));
      if (answer instanceof JetStreamApiError) why.set(field, answer.message);
    }
    const still = drift(await streams.info(wanted.name));
    if (still.length >= left.length) return still.map((each) => ({ ...each, why: why.get(each.field) }));
    left = still;
  }
}

/** The client merges by key, and an `undefined` takes away what was there; its types know it only as absent. */
function stated<T>(whole: Partial<Whole<T>>): Partial<T> {
  return { ...whole } as Partial<T>;
}

/** An answer of the server, also when it is a refusal. */
async function refusable<T>(asked: Promise<T>): Promise<T | JetStreamApiError> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof JetStreamApiError) return error;
    throw error;
  }
}

async function unless<T>(code: number, asked: Promise<T>): Promise<T | undefined> {
  const answer = await refusable(asked);
  if (!(answer instanceof JetStreamApiError)) return answer;
  if (answer.code === code) return undefined;
  throw answer;
}

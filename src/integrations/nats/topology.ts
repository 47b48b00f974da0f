import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  PersistMode,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from 'nats';
import {
  type BucketSpec,
  bucketStream,
  type ConsumerSpec,
  keySubject,
  type StreamSpec,
} from '#core/streams.ts';

/**
 * Makes the stream exist as specified: created, or updated where it differs. May run twice. How it is synced was decided
 * when it was created and stays so.
 */
export async function ensureStream(manager: JetStreamManager, spec: StreamSpec): Promise<void> {
  const persist_mode = spec.synced === 'later' ? PersistMode.Async : PersistMode.Default;
  await ensureConfig(manager, streamConfig(spec), persist_mode);
}

/** Makes the bucket exist as specified: created, or updated where it differs. May run twice. */
export async function ensureBucket(manager: JetStreamManager, spec: BucketSpec): Promise<void> {
  await ensureConfig(manager, bucketConfig(spec), PersistMode.Default);
}

type NamedConfig = Partial<StreamConfig> & { name: string };

async function ensureConfig(
  manager: JetStreamManager,
  config: NamedConfig,
  persist_mode: PersistMode,
): Promise<void> {
  try {
    await manager.streams.update(config.name, config);
  } catch (error) {
    if (!isCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
    await manager.streams.add({ ...config, persist_mode });
  }
}

/** Makes the consumer exist as specified. It is updated in place, never made anew: that would forget delivery counts. */
export async function ensureConsumer(manager: JetStreamManager, spec: ConsumerSpec): Promise<void> {
  const config = consumerConfig(spec);
  try {
    await manager.consumers.info(spec.stream, spec.durable);
    await manager.consumers.update(spec.stream, spec.durable, config);
  } catch (error) {
    if (!isCode(error, JetStreamApiCodes.ConsumerNotFound)) throw error;
    await manager.consumers.add(spec.stream, config);
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

function streamConfig(spec: StreamSpec): NamedConfig {
  return {
    name: spec.name,
    subjects: [...spec.subjects],
    retention: spec.retention === 'workqueue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    storage: spec.storage === 'file' ? StorageType.File : StorageType.Memory,
    discard: spec.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
    max_age: nanos(spec.maxAgeMs),
    max_bytes: spec.maxBytes,
    max_msg_size: spec.maxMsgSize,
    duplicate_window: nanos(spec.duplicateWindowMs),
    max_msgs_per_subject: spec.maxMsgsPerSubject,
    discard_new_per_subject: spec.discard === 'new' && spec.maxMsgsPerSubject > 0,
    num_replicas: 1,
    ...(spec.objects ? { allow_direct: true, allow_rollup_hdrs: true } : {}),
  };
}

/** A stream that clients know as a bucket. */
function bucketConfig(spec: BucketSpec): NamedConfig {
  const agentsWrite = spec.writtenBy === 'agents';
  return {
    name: bucketStream(spec.name),
    subjects: [keySubject(spec.name, '>')],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_age: nanos(spec.ttlMs),
    max_bytes: spec.maxBytes,
    max_msg_size: spec.maxValueSize,
    max_msgs_per_subject: spec.history,
    // The server refuses a window above the age.
    duplicate_window: nanos(Math.min(BUCKET_DUPLICATE_WINDOW_MS, spec.ttlMs || BUCKET_DUPLICATE_WINDOW_MS)),
    allow_direct: true,
    allow_rollup_hdrs: !agentsWrite,
    allow_msg_ttl: agentsWrite,
    num_replicas: 1,
  };
}

const BUCKET_DUPLICATE_WINDOW_MS = 120_000;

function consumerConfig(spec: ConsumerSpec): Partial<ConsumerConfig> {
  return {
    durable_name: spec.durable,
    filter_subject: spec.filter,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(spec.ackWaitMs),
    max_ack_pending: spec.maxAckPending,
    max_deliver: spec.maxDeliver,
  };
}

import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  PersistMode,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  StoreCompression,
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

/** A configuration in which `undefined` is said aloud: whatever stands there is taken away. */
export type Whole<T> = { readonly [K in keyof T]: T[K] | undefined };
/** How a stream is synced is none of its settings: that is decided when it is made. */
export type WholeStream = Whole<Omit<StreamConfig, 'persist_mode'>> & { readonly name: string };
export type WholeConsumer = Whole<ConsumerConfig>;

/**
 * Settings that nobody may have made. Updates are merged into what is there: what they do not name stays. Roll-ups
 * would let one agent empty a stream, schedules would let it speak as another, `republish` would tell all to all.
 */
const noStreamExtras = {
  description: undefined,
  metadata: {},
  no_ack: false,
  first_seq: 0,
  sealed: false,
  deny_delete: false,
  deny_purge: false,
  mirror: undefined,
  mirror_direct: false,
  sources: undefined,
  placement: undefined,
  republish: undefined,
  subject_transform: undefined,
  subject_delete_marker_ttl: 0,
  compression: StoreCompression.None,
  consumer_limits: undefined,
  allow_msg_counter: false,
  allow_msg_schedules: false,
  allow_atomic: false,
  allow_batched: false,
} as const satisfies Partial<Whole<StreamConfig>>;

/** All that a stream is, except how it is synced. */
export function streamConfig(spec: StreamSpec): WholeStream {
  return {
    ...noStreamExtras,
    name: spec.name,
    subjects: [...spec.subjects],
    retention: spec.retention === 'workqueue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    storage: spec.storage === 'file' ? StorageType.File : StorageType.Memory,
    discard: discardOf(spec),
    max_age: nanos(spec.maxAgeMs),
    max_bytes: spec.maxBytes,
    max_msgs: spec.maxMsgs,
    max_msg_size: spec.maxMsgSize,
    max_msgs_per_subject: spec.maxMsgsPerSubject,
    max_consumers: spec.maxConsumers,
    duplicate_window: nanos(spec.duplicateWindowMs),
    discard_new_per_subject: spec.discard === 'new' && spec.maxMsgsPerSubject > 0,
    allow_direct: spec.objects ?? false,
    allow_rollup_hdrs: spec.objects ?? false,
    allow_msg_ttl: false,
    num_replicas: 1,
  };
}

/** How a stream is synced, which is decided when it is made. */
export function persistModeOf(spec: StreamSpec): PersistMode {
  return spec.synced === 'later' ? PersistMode.Async : PersistMode.Default;
}

/** A stream that clients know as a bucket. */
export function bucketConfig(spec: BucketSpec): WholeStream {
  const agentsWrite = spec.writtenBy === 'agents';
  return {
    ...noStreamExtras,
    name: bucketStream(spec.name),
    subjects: [keySubject(spec.name, '>')],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: discardOf(spec),
    max_age: nanos(spec.ttlMs),
    max_bytes: spec.maxBytes,
    max_msgs: spec.maxMsgs,
    max_msg_size: spec.maxValueSize,
    max_msgs_per_subject: spec.history,
    max_consumers: spec.maxConsumers,
    duplicate_window: nanos(spec.duplicateWindowMs),
    // A bucket drops no value of another key: a full one refuses.
    discard_new_per_subject: false,
    allow_direct: true,
    allow_rollup_hdrs: !agentsWrite,
    allow_msg_ttl: agentsWrite,
    num_replicas: 1,
  };
}

/** All that a consumer is. One that is paused, or sees headers alone, would be a fleet that stands still. */
export function consumerConfig(spec: ConsumerSpec): WholeConsumer {
  return {
    durable_name: spec.durable,
    name: spec.durable,
    filter_subject: spec.filter,
    filter_subjects: undefined,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(spec.ackWaitMs),
    max_ack_pending: spec.maxAckPending,
    max_deliver: spec.maxDeliver,
    max_waiting: spec.maxWaiting,
    max_batch: spec.maxBatch,
    max_bytes: spec.maxPullBytes,
    max_expires: nanos(spec.maxExpiresMs),
    inactive_threshold: nanos(spec.inactiveMs),
    // An empty list: with none at all the server would go on with the ack wait of the list before.
    backoff: [],
    headers_only: false,
    sample_freq: undefined,
    rate_limit_bps: undefined,
    description: undefined,
    metadata: {},
    mem_storage: false,
    num_replicas: 0,
    deliver_subject: undefined,
    deliver_group: undefined,
    flow_control: undefined,
    idle_heartbeat: undefined,
    opt_start_seq: undefined,
    opt_start_time: undefined,
    pause_until: undefined,
    priority_groups: undefined,
    priority_policy: undefined,
    priority_timeout: undefined,
  };
}

function discardOf({ discard }: Pick<StreamSpec, 'discard'>): DiscardPolicy {
  return discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old;
}

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
import type { ConsumerSpec, StreamSpec } from '#core/streams.ts';

/**
 * Makes the stream exist as specified: created, or updated where it differs. May run twice. How it is synced was decided
 * when it was created and stays so.
 */
export async function ensureStream(manager: JetStreamManager, spec: StreamSpec): Promise<void> {
  const config = streamConfig(spec);
  try {
    await manager.streams.update(spec.name, config);
  } catch (error) {
    if (!isCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
    const persist_mode = spec.synced === 'later' ? PersistMode.Async : PersistMode.Default;
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

function streamConfig(spec: StreamSpec): Partial<StreamConfig> & { name: string } {
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

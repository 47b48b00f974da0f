import { CONTROL_NAME } from './tokens.ts';

/**
 * The one table of what JetStream holds. Every limit is stated, so that nothing grows without a bound.
 * Durations are milliseconds, sizes bytes.
 */
export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: 'workqueue' | 'limits';
  readonly storage: 'file' | 'memory';
  /** `later`: copies of what the store has are not synced one by one; a crash of the server may take the last of them. */
  readonly synced: 'at once' | 'later';
  readonly discard: 'old' | 'new';
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly maxMsgs: number;
  readonly maxMsgSize: number;
  readonly duplicateWindowMs: number;
  readonly maxMsgsPerSubject: number;
  readonly maxConsumers: number;
  /** Holds objects as the object store of NATS does: read directly, a description replaces the one before. */
  readonly objects?: true;
}

export interface ConsumerSpec {
  readonly stream: string;
  readonly durable: string;
  readonly filter: string;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly maxDeliver: number;
  /** Pulls that wait at the same time. */
  readonly maxWaiting: number;
  /** Of one pull: how many messages, bytes, and how long it waits. */
  readonly maxBatch: number;
  readonly maxPullBytes: number;
  readonly maxExpiresMs: number;
  /** How long nobody may pull until the server takes the consumer away. */
  readonly inactiveMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIB = 1024 * 1024;

export const streamNames = {
  requests: 'ROUNDTABLE_REQUESTS',
  tasks: 'ROUNDTABLE_TASKS',
  results: 'ROUNDTABLE_RESULTS',
  deliveries: 'ROUNDTABLE_DELIVERIES',
  runlog: 'ROUNDTABLE_RUNLOG',
  events: 'ROUNDTABLE_EVENTS',
  heartbeat: 'ROUNDTABLE_HEARTBEAT',
  advisory: 'ROUNDTABLE_ADVISORY',
  deadLetters: 'ROUNDTABLE_DLQ',
  artifacts: 'OBJ_artifacts',
} as const;

/** How long a message that a killed process had in hand waits for its next delivery. Handlers take milliseconds. */
const ACK_WAIT_MS = 15 * SECOND;
/** The same for released work, which is kept in hand as long as the run shows progress. */
export const TASK_ACK_WAIT_MS = 30 * SECOND;
/** How long a message that its agent cannot read stays away before it is delivered again. */
export const UNREADABLE_RETRY_MS = 30 * SECOND;

/**
 * Without a limit of their own. Messages: every one takes bytes, which are limited, and a queue that is full of small
 * ones would say the same as one that is full of bytes. Consumers: control alone makes them, one for itself and one for
 * each agent. What a pull asks for: no more is handed out than `maxAckPending`. And a consumer never goes by itself: it
 * knows what was delivered how often.
 */
const unlimited = { maxMsgs: -1, maxConsumers: -1 } as const;
const pulls = { maxWaiting: 512, maxBatch: 0, maxPullBytes: 0, maxExpiresMs: 0, inactiveMs: 0 } as const;

const common = {
  ...unlimited,
  storage: 'file',
  synced: 'at once',
  maxMsgSize: MIB,
  duplicateWindowMs: 10 * MINUTE,
  maxMsgsPerSubject: -1,
} as const;

/** The bucket of the object store that holds artifacts; its stream is in the table below. */
export const artifactBucket = 'artifacts';
export const ARTIFACTS_AGE_MS = 30 * DAY;

/** All streams of a fleet. */
export function streamsOf(fleet: string): StreamSpec[] {
  const queue = { ...common, retention: 'workqueue', discard: 'new', maxAgeMs: 30 * DAY } as const;
  const log = { ...common, retention: 'limits', discard: 'old' } as const;
  return [
    {
      ...queue,
      name: streamNames.requests,
      subjects: [`${fleet}.requests.>`, 'knight.*.task'],
      maxBytes: 256 * MIB,
    },
    {
      ...queue,
      name: streamNames.tasks,
      subjects: [`${fleet}.tasks.>`],
      maxBytes: 256 * MIB,
      // One message per subject: a run is released once. Longer than any deadline: tasks expire in control, never here.
      maxMsgsPerSubject: 1,
    },
    { ...queue, name: streamNames.deliveries, subjects: [`${fleet}.deliveries.>`], maxBytes: 256 * MIB },
    {
      ...log,
      name: streamNames.results,
      subjects: [`${fleet}.results.>`, 'knight.*.result'],
      maxAgeMs: 7 * DAY,
      maxBytes: 512 * MIB,
    },
    {
      ...log,
      name: streamNames.runlog,
      subjects: [`${fleet}.runs.>`],
      maxAgeMs: 30 * DAY,
      maxBytes: 512 * MIB,
    },
    {
      ...log,
      name: streamNames.events,
      subjects: ['roundtable.events.>'],
      synced: 'later',
      maxAgeMs: 30 * DAY,
      maxBytes: 512 * MIB,
    },
    {
      ...log,
      name: streamNames.heartbeat,
      subjects: [`${fleet}.heartbeat.>`],
      storage: 'memory',
      maxAgeMs: HOUR,
      maxBytes: 16 * MIB,
      duplicateWindowMs: MINUTE,
      maxMsgsPerSubject: 1,
    },
    {
      ...log,
      name: streamNames.advisory,
      // What the server says when it gives a message up: with its sequence, without the message.
      subjects: ['MAX_DELIVERIES', 'MSG_TERMINATED'].map((kind) => `$JS.EVENT.ADVISORY.CONSUMER.${kind}.>`),
      maxAgeMs: 7 * DAY,
      maxBytes: 64 * MIB,
    },
    {
      ...log,
      name: streamNames.deadLetters,
      subjects: [`${fleet}.dlq.>`],
      maxAgeMs: 90 * DAY,
      maxBytes: 512 * MIB,
      // One author's garbage pushes out nobody else's letters.
      maxMsgsPerSubject: 50,
    },
    {
      ...log,
      name: streamNames.artifacts,
      subjects: [`$O.${artifactBucket}.C.>`, `$O.${artifactBucket}.M.>`],
      // Refused when there is no room: a part that is pushed out would spoil the whole.
      discard: 'new',
      maxAgeMs: ARTIFACTS_AGE_MS,
      maxBytes: 512 * MIB,
      objects: true,
    },
  ];
}

/** A key-value bucket. */
export interface BucketSpec {
  readonly name: string;
  readonly history: number;
  readonly discard: 'new';
  readonly maxBytes: number;
  readonly maxMsgs: number;
  readonly maxConsumers: number;
  readonly maxValueSize: number;
  /** Not above `ttlMs`, where there is one: the server refuses that. */
  readonly duplicateWindowMs: number;
  /** A value that was not written again for this long is gone; 0: it stays. */
  readonly ttlMs: number;
  /**
   * Where agents write, no write may roll others up (one agent could empty the bucket), and a write may say itself when
   * it is to be gone.
   */
  readonly writtenBy: 'control' | 'agents';
}

export const bucketNames = { agents: 'agents', leases: 'leases' } as const;

/** How long a lease holds after it was taken or renewed: who dies is replaced after this. */
export const LEASE_TTL_MS = 30 * SECOND;

/** The subject of a key; writing it is writing the key. */
export function keySubject(bucket: string, key: string): string {
  return `$KV.${bucket}.${key}`;
}

/** The stream that a bucket is. */
export function bucketStream(bucket: string): string {
  return `KV_${bucket}`;
}

/** All buckets of a fleet. */
export const buckets: readonly BucketSpec[] = [
  // Agent name → what the API shows of it, for whoever sits on the bus and not at the API: a projection, the store owns the truth.
  {
    ...unlimited,
    name: bucketNames.agents,
    history: 1,
    discard: 'new',
    maxBytes: 16 * MIB,
    maxValueSize: 64 * 1024,
    duplicateWindowMs: 2 * MINUTE,
    ttlMs: 0,
    writtenBy: 'control',
  },
  // Agent name → the one daemon that may run its work. The last sequence of a key is what a writer has to know.
  {
    ...unlimited,
    name: bucketNames.leases,
    history: 1,
    discard: 'new',
    maxBytes: MIB,
    maxValueSize: 1024,
    duplicateWindowMs: LEASE_TTL_MS,
    ttlMs: LEASE_TTL_MS,
    writtenBy: 'agents',
  },
];

/** What the bus of a fleet may come to hold on disk. A server with less room than that refuses to make its streams. */
export function busBytes(fleet: string): number {
  return [...streamsOf(fleet), ...buckets].reduce((sum, { maxBytes }) => sum + maxBytes, 0);
}

/** What control reads; one durable consumer per stream. */
export const controlDurable = CONTROL_NAME;

/** Consumers of the control plane itself. */
export function controlConsumersOf(fleet: string): ConsumerSpec[] {
  const shared = {
    ...pulls,
    durable: controlDurable,
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: 256,
    // Control comes to an end with every message itself: it is stored, or buried.
    maxDeliver: -1,
  };
  return [
    // All of it: what agents ask, and what comes by the older subject.
    { ...shared, stream: streamNames.requests, filter: '>' },
    { ...shared, stream: streamNames.results, filter: `${fleet}.results.>` },
    { ...shared, stream: streamNames.runlog, filter: `${fleet}.runs.>` },
    { ...shared, stream: streamNames.heartbeat, filter: `${fleet}.heartbeat.>` },
    { ...shared, stream: streamNames.advisory, filter: '$JS.EVENT.ADVISORY.CONSUMER.>' },
  ];
}

/**
 * Consumers made for one agent; it binds to them by name and may not change them. How many runs it takes at once is
 * kept by control, which releases no more, and by the daemon: messages that a killed daemon had in hand must not
 * hold back the next ones until their ack wait is over.
 */
export function agentConsumersOf(fleet: string, agent: string): ConsumerSpec[] {
  return [
    {
      ...pulls,
      stream: streamNames.tasks,
      durable: agent,
      filter: `${fleet}.tasks.*.${agent}.*`,
      ackWaitMs: TASK_ACK_WAIT_MS,
      maxAckPending: 64,
      maxDeliver: 10,
    },
    {
      ...pulls,
      stream: streamNames.deliveries,
      durable: agent,
      filter: `${fleet}.deliveries.${agent}.*`,
      ackWaitMs: ACK_WAIT_MS,
      maxAckPending: 64,
      // Most of an hour, as each delivery that fails is followed by a longer wait.
      maxDeliver: 100,
    },
  ];
}

/**
 * The one table of what JetStream holds. Every limit is stated, so that nothing grows without a bound.
 * Durations are milliseconds, sizes bytes.
 */
export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: 'workqueue' | 'limits';
  readonly storage: 'file' | 'memory';
  readonly discard: 'old' | 'new';
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly maxMsgSize: number;
  readonly duplicateWindowMs: number;
  readonly maxMsgsPerSubject: number;
}

export interface ConsumerSpec {
  readonly stream: string;
  readonly durable: string;
  readonly filter: string;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly maxDeliver: number;
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
} as const;

const common = {
  storage: 'file',
  maxMsgSize: MIB,
  duplicateWindowMs: 10 * MINUTE,
  maxMsgsPerSubject: -1,
} as const;

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
      subjects: [`${fleet}.results.>`],
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
  ];
}

/** What control reads; one durable consumer per stream. */
export const controlDurable = 'control';

/** Consumers of the control plane itself. */
export function controlConsumersOf(fleet: string): ConsumerSpec[] {
  const shared = { durable: controlDurable, ackWaitMs: 30 * SECOND, maxAckPending: 256, maxDeliver: -1 };
  return [
    // `>`: all of the stream, so that knight.<name>.task is admitted like any other request.
    { ...shared, stream: streamNames.requests, filter: '>' },
    { ...shared, stream: streamNames.results, filter: `${fleet}.results.>` },
    { ...shared, stream: streamNames.runlog, filter: `${fleet}.runs.>` },
    { ...shared, stream: streamNames.heartbeat, filter: `${fleet}.heartbeat.>` },
  ];
}

/** Consumers made for one agent; it binds to them by name and may not change them. */
export function agentConsumersOf(fleet: string, agent: string, concurrency: number): ConsumerSpec[] {
  return [
    {
      stream: streamNames.tasks,
      durable: agent,
      filter: `${fleet}.tasks.*.${agent}.*`,
      ackWaitMs: 60 * SECOND,
      maxAckPending: concurrency,
      maxDeliver: 10,
    },
    {
      stream: streamNames.deliveries,
      durable: agent,
      filter: `${fleet}.deliveries.${agent}.*`,
      ackWaitMs: 30 * SECOND,
      maxAckPending: 64,
      maxDeliver: -1,
    },
  ];
}

/**
 * The life of a task as a table: state × event → next state. What is not in the table is refused.
 * The five words of the public summary are in `publicState`.
 */
export const taskTransitions = {
  requested: { admit: 'admitted', reject: 'rejected' },
  admitted: { queue: 'queued', block: 'blocked', ask: 'awaiting_approval' },
  awaiting_approval: { queue: 'queued', block: 'blocked', cancel: 'cancelled', expire: 'expired' },
  queued: {
    release: 'released',
    block: 'blocked',
    debounce: 'queued',
    revise: 'queued',
    cancel: 'cancelled',
    expire: 'expired',
  },
  blocked: {
    queue: 'queued',
    debounce: 'blocked',
    revise: 'blocked',
    fail: 'failed',
    cancel: 'cancelled',
    expire: 'expired',
  },
  // What ends a run may be read before its beginning: a result travels in another stream, an event may have to come again.
  released: {
    claim: 'claimed',
    start: 'running',
    complete: 'completed',
    fail: 'failed',
    retry: 'queued',
    park: 'parked',
    cancel: 'cancelling',
    expire: 'expired',
    bury: 'dead_lettered',
  },
  claimed: {
    start: 'running',
    complete: 'completed',
    fail: 'failed',
    retry: 'queued',
    park: 'parked',
    cancel: 'cancelling',
    expire: 'expired',
    lose: 'lost',
    bury: 'dead_lettered',
  },
  running: {
    complete: 'completed',
    fail: 'failed',
    retry: 'queued',
    park: 'parked',
    cancel: 'cancelling',
    expire: 'expired',
    lose: 'lost',
    bury: 'dead_lettered',
  },
  parked: { queue: 'queued', cancel: 'cancelled', expire: 'expired' },
  // Its agent may never say so; its answer may also be quicker.
  cancelling: {
    cancel: 'cancelled',
    complete: 'completed',
    fail: 'cancelled',
    expire: 'cancelled',
    bury: 'cancelled',
  },
  // Its agent may come back, with it or with nothing; its message comes to that agent again.
  lost: {
    claim: 'claimed',
    start: 'running',
    complete: 'completed',
    fail: 'failed',
    retry: 'queued',
    park: 'parked',
    cancel: 'cancelling',
    expire: 'expired',
    bury: 'dead_lettered',
  },
  completed: {},
  failed: {},
  cancelled: {},
  expired: {},
  rejected: {},
  // A run that was given up too early may still bring its answer.
  dead_lettered: { retry: 'queued', complete: 'completed' },
} as const satisfies Record<string, Partial<Record<string, string>>>;

export type TaskState = keyof typeof taskTransitions;
export type TaskEvent =
  | 'admit'
  | 'reject'
  | 'queue'
  | 'ask'
  | 'release'
  | 'block'
  | 'debounce'
  | 'revise'
  | 'claim'
  | 'start'
  | 'complete'
  | 'fail'
  | 'retry'
  | 'park'
  | 'cancel'
  | 'expire'
  | 'lose'
  | 'bury';

export const taskStates = Object.keys(taskTransitions) as [TaskState, ...TaskState[]];

/** The state after `event`, or undefined when a task in this state does not take it. */
export function nextTaskState(state: TaskState, event: TaskEvent): TaskState | undefined {
  const row: Partial<Record<TaskEvent, TaskState>> = taskTransitions[state];
  return row[event];
}

/** True once nothing more will happen to the task by itself. */
export function isTerminal(state: TaskState): boolean {
  const terminal: readonly TaskState[] = [
    'completed',
    'failed',
    'cancelled',
    'expired',
    'rejected',
    'dead_lettered',
  ];
  return terminal.includes(state);
}

/** The states in which a run of the task is out with an agent. */
export const inFlightStates = [
  'released',
  'claimed',
  'running',
  'lost',
  'cancelling',
] as const satisfies TaskState[];

/** The five words outsiders see. */
export function publicState(
  state: TaskState,
): 'Requested' | 'Claimed' | 'InProgress' | 'Completed' | 'Failed' {
  switch (state) {
    case 'requested':
    case 'admitted':
    case 'awaiting_approval':
    case 'queued':
    case 'blocked':
    case 'released':
      return 'Requested';
    case 'claimed':
      return 'Claimed';
    case 'running':
    case 'parked':
    case 'cancelling':
      return 'InProgress';
    case 'completed':
      return 'Completed';
    case 'failed':
    case 'cancelled':
    case 'expired':
    case 'rejected':
    case 'lost':
    case 'dead_lettered':
      return 'Failed';
    default:
      return state satisfies never;
  }
}

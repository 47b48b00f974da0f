/** The life of a run in the agent's journal: each state is written before the call that it announces. */
export const runTransitions = {
  /** Taken from the bus; nothing was asked of the harness yet. */
  claimed: { start: 'running', finish: 'finished', discard: 'discarded' },
  /** The harness was asked, or is about to be: look there before asking again. */
  running: { finish: 'finished', park: 'parked', discard: 'discarded' },
  /** The outcome is in the journal, its message in the outbox. */
  finished: { publish: 'published' },
  /** Ended without a result, to go on in another run once people have decided; its event is in the outbox. */
  parked: { publish: 'published' },
  /** The bus has stored how it ended. */
  published: {},
  /** Superseded or past its deadline before it began. */
  discarded: {},
} as const satisfies Record<string, Partial<Record<string, string>>>;

export type RunState = keyof typeof runTransitions;
export type RunEvent = 'start' | 'finish' | 'park' | 'publish' | 'discard';

export const runStates = Object.keys(runTransitions) as [RunState, ...RunState[]];

/** The state after `event`, or undefined when a run in this state does not take it. */
export function nextRunState(state: RunState, event: RunEvent): RunState | undefined {
  const row: Partial<Record<RunEvent, RunState>> = runTransitions[state];
  return row[event];
}

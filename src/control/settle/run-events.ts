import { parseMessage } from '#core/envelope.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { authorOf } from '#core/subjects.ts';
import { nextTaskState, type TaskEvent } from '#core/task-states.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import { parkTask } from '../approvals/park.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import type { Repositories, Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

export interface RunEventOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  /** Called after a task has moved. */
  readonly onMoved: () => void;
  readonly log: Logger;
}

type RunEvent = RunEventMessage['data'];

/** The step of the task that an event of its run is, if it is one. */
const STEPS: Readonly<Record<string, TaskEvent>> = { claimed: 'claim', started: 'start' };

/** The events after which something about the run or its task is another. */
const MOVES: readonly string[] = ['claimed', 'started', 'discarded', 'parked'];

/**
 * Handles run events: they move the task along. They travel apart from results, so one that comes late finds the
 * task already further, and changes nothing; so does a second delivery.
 */
export function runEventHandler(options: RunEventOptions): (message: BusMessage) => Promise<void> {
  const { store, deadLetters, onMoved } = options;
  return async (message) => {
    const parsed = parseMessage(message.body, [RunEventMessage]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== authorOf(message.subject)) {
      return deadLetters.giveUp(message, parsed);
    }
    const event = parsed.message.data;
    if (MOVES.includes(event.event)) {
      const at = Date.parse(parsed.message.time);
      await store.transaction((tx) => move(tx, options, event, at));
      onMoved();
    }
    await message.ack();
  };
}

async function move(
  tx: Repositories,
  { context }: RunEventOptions,
  event: RunEvent,
  at: number,
): Promise<void> {
  const run = await tx.runs.byId(event.runId);
  const task = run && (await tx.tasks.byId(run.taskId));
  if (!run || !task || run.agent !== event.agent || run.epoch !== task.epoch) return;
  if (event.event === 'claimed') await tx.runs.claimed(run.id);
  if (event.event === 'started') await tx.runs.started(run.id, at);
  if (event.event === 'discarded') await tx.runs.discarded(run.id, at);
  if (event.event === 'parked') return parkTask(tx, context, task, run, { ...event, at });
  const by = `agent/${event.agent}` as const;
  if (event.event === 'discarded' && task.state === 'cancelling') {
    const reason = task.reason ?? 'cancelled';
    return tellCancelled(tx, context, await advanceTask(tx, context, task, 'cancel', { by, reason }));
  }
  const step = STEPS[event.event];
  if (step && nextTaskState(task.state, step)) {
    await advanceTask(tx, context, task, step, { by, reason: `run ${event.event} by ${event.agent}` });
  }
}

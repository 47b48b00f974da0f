import { parseMessage } from '#core/envelope.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { authorOf } from '#core/subjects.ts';
import { nextTaskState, type TaskEvent } from '#core/task-states.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import { parkTask, resumeTask } from '../approvals/park.ts';
import { endApproval } from '../approvals/step.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import type { Repositories, Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';

export interface RunEventOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  /** Called after a task has moved. */
  readonly onMoved: () => void;
  readonly log: Logger;
}

type RunEvent = RunEventMessage['data'];

/** Events that people should know of, though the task does not move. */
const NOTED: ReadonlySet<string> = new Set(['stuck', 'unstopped', 'wrote']);
const NOTES_OF_A_TASK = 50;

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
    const at = Date.parse(parsed.message.time);
    if (MOVES.includes(event.event)) {
      await store.transaction((tx) => move(tx, options, event, at));
      onMoved();
    }
    if (event.event === 'forgot') {
      await store.transaction((tx) => forget(tx, options, event));
      onMoved();
    }
    if (NOTED.has(event.event)) await store.transaction((tx) => note(tx, event, at));
    await message.ack();
  };
}

/** Withdraws what the run has asked people and does not wait for any more: it was decided where it was to be done. */
async function forget(tx: Repositories, { context }: RunEventOptions, event: RunEvent): Promise<void> {
  const approval = await tx.approvals.byDedupKey(`${event.agent}:${event.detail}`);
  if (approval?.state !== 'pending' || approval.taskId !== event.taskId) return;
  const step = {
    actor: `agent/${event.agent}`,
    why: 'it was decided in its gateway, or has timed out there',
  } as const;
  await endApproval(tx, context, approval, 'withdraw', step);
  const task = await tx.tasks.byId(approval.taskId);
  if (task) await resumeTask(tx, context, task);
}

/** Puts what people should know of a run on the record of its task, once. */
async function note(tx: Repositories, event: RunEvent, at: number): Promise<void> {
  const run = await tx.runs.byId(event.runId);
  const task = run && (await tx.tasks.byId(run.taskId));
  if (!run || !task || run.agent !== event.agent || run.epoch !== task.epoch) return;
  const why = event.detail || 'it did not say why';
  const records = await tx.audit.of('task', task.id);
  const notes = records.filter(({ what }) => NOTED.has(what));
  if (notes.length >= NOTES_OF_A_TASK) return; // The record is no place for an agent to fill.
  if (notes.some((note) => note.what === event.event && note.at === at && note.why === why)) return;
  const who = `agent/${event.agent}` as const;
  const entry = {
    at,
    who,
    what: event.event,
    entity: 'task',
    entityId: task.id,
    state: task.state,
    why,
  } as const;
  await tx.audit.add(entry);
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
  if (event.event === 'parked') return parkTask(tx, context, task, run, { ...event, at });
  const changed = await moveRun(tx, run.id, event.event, at);
  const by = `agent/${event.agent}` as const;
  if (event.event === 'discarded' && task.state === 'cancelling') {
    const reason = task.reason ?? 'cancelled';
    return tellCancelled(tx, context, await advanceTask(tx, context, task, 'cancel', { by, reason }));
  }
  const step = STEPS[event.event];
  if (step && nextTaskState(task.state, step)) {
    await advanceTask(tx, context, task, step, { by, reason: `run ${event.event} by ${event.agent}` });
  } else if (changed) {
    // The run alone has moved: the record of its task does not have it.
    const why = event.detail || `its task ${task.id} is ${task.state}`;
    await record(tx, context, {
      who: by,
      what: step ?? 'discard',
      entity: 'run',
      entityId: run.id,
      state: event.event === 'started' ? 'running' : event.event,
      why,
    });
  }
}

/** Whether the run was not there yet. */
async function moveRun(tx: Repositories, runId: string, event: string, at: number): Promise<boolean> {
  if (event === 'claimed') return tx.runs.claimed(runId);
  if (event === 'started') return tx.runs.started(runId, at);
  return tx.runs.discarded(runId, at);
}

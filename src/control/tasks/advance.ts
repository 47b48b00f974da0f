import { OlympusError } from '#core/errors.ts';
import type { Policies } from '#core/policy.ts';
import type { Subjects } from '#core/subjects.ts';
import { isTerminal, nextTaskState, type TaskEvent, type TaskState } from '#core/task-states.ts';
import type { Cards } from '../approvals/cards.ts';
import { withdrawApprovals } from '../approvals/withdraw.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { NewTask, TaskPatch } from '../store/task-repository.ts';
import { record } from './record.ts';

/** What every writing part of control needs to know. */
export interface ControlContext {
  readonly fleet: string;
  readonly subjects: Subjects;
  readonly now: () => number;
  /** What else happens in the transaction in which a task ends. */
  readonly onEnd: readonly OnEnd[];
  /** Makes buttons for what people have to decide; without it they decide by words alone. */
  readonly cards?: Cards | undefined;
  /** What takes more than one approval of anybody. */
  readonly policies?: Policies | undefined;
}

/** Told of a task that has just ended; what it does about it may be done twice. */
export type OnEnd = (tx: Repositories, context: ControlContext, ended: TaskRecord) => Promise<void>;

export type TaskChange = Pick<
  TaskPatch,
  | 'text'
  | 'context'
  | 'priority'
  | 'answer'
  | 'answerArtifact'
  | 'brought'
  | 'attempts'
  | 'epoch'
  | 'notBefore'
  | 'deadline'
> & {
  /** Who has it take this step. */
  readonly by: Actor;
  /** Why the task is where it now is. */
  readonly reason: string;
};

/**
 * Takes one step of a task's life: the row, its record in the audit and the event for the bus, in the caller's transaction.
 * Throws `state_conflict` on a step the table does not allow.
 */
export async function advanceTask(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  event: TaskEvent,
  { by, ...change }: TaskChange,
): Promise<TaskRecord> {
  const state = stateAfter(task, event);
  const now = context.now();
  await tx.tasks.update(task.id, { ...change, state, reason: change.reason, now });
  // As the row is now: what a change leaves out stays as it was.
  const fresh: TaskRecord = { ...task, ...given(change), state, reason: change.reason, updatedAt: now };
  return told(tx, context, fresh, event, by);
}

/** Writes a new task down with the first step of its life, in the caller's transaction. */
export async function enterTask(
  tx: Repositories,
  context: ControlContext,
  task: NewTask,
  event: 'admit' | 'reject',
  { by, reason }: Pick<TaskChange, 'by' | 'reason'>,
): Promise<TaskRecord> {
  await tx.tasks.insert(task, { state: stateAfter({ id: task.id, state: 'requested' }, event), reason });
  const entered = await tx.tasks.byId(task.id);
  if (!entered) throw new Error(`task ${task.id} was not stored`);
  return told(tx, context, entered, event, by);
}

function stateAfter({ id, state }: Pick<TaskRecord, 'id' | 'state'>, event: TaskEvent): TaskState {
  const next = nextTaskState(state, event);
  if (!next) throw new OlympusError('state_conflict', `task ${id} is ${state} and cannot ${event}`);
  return next;
}

/** Puts a step that was taken on record, and does what follows of it. */
async function told(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  event: TaskEvent,
  by: Actor,
): Promise<TaskRecord> {
  const { id, state, reason = '' } = task;
  await record(tx, context, {
    who: by,
    what: event,
    entity: 'task',
    entityId: id,
    state,
    why: reason,
    // Who was asked for and is not there may be any text.
    agent: event === 'reject' ? undefined : task.agent,
  });
  // Nobody is asked for what is over.
  if (isTerminal(state) || state === 'cancelling') await withdrawApprovals(tx, context, id);
  if (isTerminal(state)) for (const tell of context.onEnd) await tell(tx, context, task);
  return task;
}

function given(change: Omit<TaskChange, 'by'>): Partial<TaskRecord> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

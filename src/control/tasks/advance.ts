import { OlympusError } from '#core/errors.ts';
import { FleetEvent } from '#core/messages/event.ts';
import type { Subjects } from '#core/subjects.ts';
import { nextTaskState, type TaskEvent } from '#core/task-states.ts';
import { newId } from '#lib/id.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { TaskPatch } from '../store/task-repository.ts';

/** What every writing part of control needs to know. */
export interface ControlContext {
  readonly fleet: string;
  readonly subjects: Subjects;
  readonly now: () => number;
}

export type TaskChange = Pick<
  TaskPatch,
  'answer' | 'answerArtifact' | 'attempts' | 'epoch' | 'notBefore' | 'deadline'
> & {
  /** Who has it take this step. */
  readonly by: Actor;
  /** Why the task is where it now is; left out when that needs no reason. */
  readonly reason?: string;
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
  const state = nextTaskState(task.state, event);
  if (!state)
    throw new OlympusError('state_conflict', `task ${task.id} is ${task.state} and cannot ${event}`);
  const at = context.now();
  await tx.tasks.update(task.id, { ...change, state, reason: change.reason, now: at });
  await tx.audit.add({
    at,
    who: by,
    what: event,
    entity: 'task',
    entityId: task.id,
    state,
    why: change.reason,
  });
  const id = newId(at);
  const fact = FleetEvent.create(
    {
      id,
      source: `/fleets/${context.fleet}/control`,
      subject: `task/${task.id}`,
      time: new Date(at).toISOString(),
    },
    {
      entity: 'task',
      id: task.id,
      event,
      state,
      ...(event === 'reject' ? {} : { agent: task.agent }),
      ...(change.reason ? { reason: change.reason } : {}),
    },
  );
  await tx.outbox.add({
    subject: context.subjects.event('task', task.id, event),
    msgId: `event:${id}`,
    body: JSON.stringify(fact),
  });
  const fresh = await tx.tasks.byId(task.id);
  if (!fresh) throw new OlympusError('state_conflict', `task ${task.id} vanished`);
  return fresh;
}

import { failureCodeOf } from '#core/failures.ts';
import { deliver, failureText } from '../deliveries/deliver.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { latestTry, triesUpTo } from '../tasks/tries.ts';
import { broughtText } from './bring.ts';
import { verdictOf } from './verdict.ts';

/**
 * Has an admitted task wait for others, which exist; it is queued, or fails, at once when they have ended already.
 * Only tasks that are there can be named, so no circle comes about.
 */
export async function blockOn(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  wait: Omit<Wait, 'taskId'>,
): Promise<TaskRecord> {
  await tx.dependencies.add({ ...wait, taskId: task.id });
  return blockOnStored(tx, context, task);
}

/** The same for a task of which it is written down already what it comes after. */
export async function blockOnStored(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
): Promise<TaskRecord> {
  const ids = (await tx.dependencies.of(task.id))?.after.map(({ id }) => id) ?? [];
  const reason = `waits for ${ids.length === 1 ? 'task' : 'tasks'} ${ids.join(', ')}`;
  return settleBlocked(tx, context, await advanceTask(tx, context, task, 'block', { by: 'control', reason }));
}

/** Takes the tasks that come after one that has ended out of their waiting, where that was the last they waited for. */
export async function settleDependents(
  tx: Repositories,
  context: ControlContext,
  ended: TaskRecord,
): Promise<void> {
  for (const id of await triesUpTo(tx, ended)) {
    for (const dependent of await tx.dependencies.blockedBy(id)) {
      const task = await tx.tasks.byId(dependent);
      if (task) await settleBlocked(tx, context, task);
    }
  }
}

/** The latest tries of the tasks that one comes after, in the order in which they were named. */
export async function neededBy(tx: Repositories, wait: Wait): Promise<TaskRecord[]> {
  const named = await Promise.all(wait.after.map(({ id }) => tx.tasks.byId(id)));
  return Promise.all(named.filter((task) => task !== undefined).map((task) => latestTry(tx, task)));
}

/** Queues a blocked task, or fails it, as soon as that is decided; asked again, it is not blocked any more. */
export async function settleBlocked(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
): Promise<TaskRecord> {
  const wait = task.state === 'blocked' && (await tx.dependencies.of(task.id));
  if (!wait) return task;
  const needed = await neededBy(tx, wait);
  const verdict = verdictOf(wait, needed, context.now());
  switch (verdict.kind) {
    case 'wait':
      return task;
    case 'queue': {
      const reason = `waiting for ${task.agent}`;
      const given = needed.map((each, index) => ({ label: wait.after[index]?.label ?? each.id, task: each }));
      const brought = wait.brings ? broughtText(task.text, given) : undefined;
      return advanceTask(tx, context, task, 'queue', { by: 'control', reason, brought });
    }
    case 'fail':
      return failFor(tx, context, task, verdict.because);
    default:
      return verdict satisfies never;
  }
}

async function failFor(
  tx: Repositories,
  context: ControlContext,
  task: TaskRecord,
  because: TaskRecord,
): Promise<TaskRecord> {
  // Of a row of tasks that fail one for the other each names the one before it.
  const root = because.reason && failureCodeOf(because.reason) !== 'dependency_failed';
  const how = root ? `${because.state} (${because.reason})` : because.state;
  const what = `task ${because.id} of ${because.agent} is ${how}`;
  const reason = `dependency_failed: ${what}`;
  const failed = await advanceTask(tx, context, task, 'fail', { by: 'control', reason });
  const text = failureText(failed, { failure: 'dependency_failed', failureMessage: what, attempts: 0 });
  await deliver(tx, context, failed, { state: 'failed', text });
  return failed;
}

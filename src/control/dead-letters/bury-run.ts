import { nextTaskState } from '#core/task-states.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import { deliver } from '../deliveries/deliver.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

/** Why a run's task is buried, and what its conversation is told. */
export interface RunBurial {
  readonly reason: string;
  readonly text: (task: TaskRecord) => string;
  /** Looked at in the transaction; where it does not hold nothing happens. */
  readonly onlyIf?: (run: RunRecord) => boolean;
}

/** Ends the task of a run that its agent never brought to an end; a run that is over already changes nothing. */
export async function buryRun(
  { store, context }: { readonly store: Store; readonly context: ControlContext },
  runId: string,
  { reason, text, onlyIf }: RunBurial,
): Promise<void> {
  await store.transaction(async (tx) => {
    const run = await tx.runs.byId(runId);
    const task = run && (await tx.tasks.byId(run.taskId));
    if (!run || !task || run.epoch !== task.epoch || !nextTaskState(task.state, 'bury')) return;
    if (onlyIf && !onlyIf(run)) return;
    const why = task.state === 'cancelling' ? (task.reason ?? reason) : reason;
    const buried = await advanceTask(tx, context, task, 'bury', { by: 'control', reason: why });
    if (buried.state === 'cancelled') return tellCancelled(tx, context, buried);
    await deliver(tx, context, buried, { state: 'failed', text: text(buried) });
  });
}

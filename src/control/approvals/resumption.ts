import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { inputOf } from '../tasks/input.ts';
import { decisionSentence } from './texts.ts';

/** The run that goes on in the next one, and what that is told. */
export interface Resumption {
  readonly resumeOf: string;
  readonly text: string;
}

/** Undefined for a task of which no run was parked. */
export async function resumptionOf(tx: Repositories, task: TaskRecord): Promise<Resumption | undefined> {
  if (task.epoch <= 1) return undefined;
  const parked = (await tx.runs.ofTask(task.id)).findLast(({ state }) => state === 'parked');
  if (!parked) return undefined;
  const approvals = await tx.approvals.ofTask(task.id);
  const decisions = approvals.filter(({ runId, state }) => runId !== undefined && state !== 'pending');
  return {
    resumeOf: parked.id,
    text: [
      'You ended your last turn because you waited for people. This is what was decided:',
      ...decisions.map((approval) => `- ${decisionSentence(approval)}`),
      `Go on with the task from where you were. What was denied must not be done. The task was:`,
      inputOf(task),
    ].join('\n'),
  };
}

import { isTerminal } from '#core/task-states.ts';
import { broughtText, lengthOf } from '../dependencies/bring.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { inputOf } from '../tasks/input.ts';
import { decisionSentence, shownParams } from './texts.ts';

const LABEL_LIMIT = 100;

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
  const delegations = (await tx.delegations.by(task.id)).filter((each) => isTerminal(each.task.state));
  const given = delegations.map((each) => ({ label: askedOf(each.task), task: each.task }));
  return {
    resumeOf: parked.id,
    text: [
      'You ended your last turn because you waited for others.',
      ...(decisions.length > 0 ? ['This is what people decided:'] : []),
      ...decisions.map((approval) => `- ${decisionSentence(approval)}${paramsOf(approval)}`),
      ...(given.length > 0 ? ['What colleagues answered stands at the end.'] : []),
      `Go on with the task from where you were. What was denied must not be done. The task was:`,
      inputOf(task),
      ...(given.length > 0 ? ['', broughtText('', given)] : []),
    ].join('\n'),
  };
}

/** With what exactly: two decisions may differ in nothing else. */
function paramsOf({ asks }: ApprovalRecord): string {
  return 'action' in asks ? ` It was about: ${shownParams(asks.action)}` : '';
}

/** The beginning of what was asked, as what the answer is called. */
function askedOf({ text }: TaskRecord): string {
  const [line = ''] = text.split('\n');
  return `“${lengthOf(line) > LABEL_LIMIT ? `${Array.from(line).slice(0, LABEL_LIMIT).join('')}…` : line}”`;
}

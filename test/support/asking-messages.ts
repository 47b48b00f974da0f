import { ApprovalRequest } from '#core/messages/approval-request.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { QuestionRequest } from '#core/messages/question-request.ts';
import { newId } from '#lib/id.ts';

interface OfRun {
  readonly id: string;
  readonly runId: string;
}

/** An action that an agent may ask for. */
export const ACTION = { kind: 'deploy.production', target: 'hub', params: { version: '1' } };

/** An agent's request for an approval; what is given here need not be valid. */
export function approvalOf(
  run: OfRun,
  { action = ACTION, summary = 'May I?' }: { readonly action?: object; readonly summary?: string } = {},
) {
  const valid = { ...askOf(run), action: ACTION, summary: 'x' };
  const { data, ...envelope } = ApprovalRequest.create(headOf(run), valid);
  return { ...envelope, data: { ...data, action, summary } };
}

/** An agent's question; what is given here need not be valid. */
export function questionOf(run: OfRun, question: object = { text: 'Which?' }) {
  const { data, ...envelope } = QuestionRequest.create(headOf(run), {
    ...askOf(run),
    question: { text: 'x' },
  });
  return { ...envelope, data: { ...data, question } };
}

/** What an agent asks another one. */
export function delegationRequestOf(run: OfRun) {
  return DelegationRequest.create(headOf(run), { ...askOf(run), agent: 'athena', text: 'Well?' });
}

function askOf({ id, runId }: OfRun) {
  return { key: newId(Date.now()), taskId: id, runId, epoch: 1, expiresInMs: 60_000 };
}

function headOf({ id }: OfRun) {
  return { id: newId(Date.now()), source: '/test', subject: `task/${id}`, time: new Date().toISOString() };
}

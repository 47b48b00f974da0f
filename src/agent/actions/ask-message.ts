import { actionHash, delegationHash, questionHash } from '#core/action.ts';
import type { AskRequest } from '#core/action-socket.ts';
import type { MessageHead } from '#core/envelope.ts';
import { ApprovalRequest } from '#core/messages/approval-request.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { QuestionRequest } from '#core/messages/question-request.ts';
import type { RequestKind } from '#core/subjects.ts';

/** What a request says whatever it asks for. */
type Asks = Pick<DelegationRequest['data'], 'key' | 'taskId' | 'runId' | 'epoch' | 'expiresInMs'>;

/** What the answer is bound to. */
export async function hashOf(request: AskRequest): Promise<string> {
  switch (request.ask) {
    case 'approval':
      return actionHash(request.action);
    case 'question':
      return questionHash(request.question);
    case 'agent':
      return delegationHash(request);
    default:
      return request satisfies never;
  }
}

/** How control is asked, by which kind of request. */
export function messageOf(
  head: MessageHead,
  asks: Asks,
  request: AskRequest,
): { readonly kind: RequestKind; readonly message: object } {
  switch (request.ask) {
    case 'approval': {
      const { action, summary } = request;
      return { kind: 'approval', message: ApprovalRequest.create(head, { ...asks, action, summary }) };
    }
    case 'question': {
      const { question } = request;
      return { kind: 'question', message: QuestionRequest.create(head, { ...asks, question }) };
    }
    case 'agent': {
      const { agent, text } = request;
      return { kind: 'delegation', message: DelegationRequest.create(head, { ...asks, agent, text }) };
    }
    default:
      return request satisfies never;
  }
}

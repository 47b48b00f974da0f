import type { FastifyInstance, FastifyReply } from 'fastify';
import { Answer, type ApprovalView, Approve, Deny } from '#core/api-approvals.ts';
import { ApprovalQuery } from '#core/api-queries.ts';
import { decideApproval, type Wish } from '../approvals/decide.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { actingAs } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';

export interface ApprovalRoutesOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Called after somebody has decided. */
  readonly onDecided: () => void;
}

type WithId = { Params: { id: string } };

/** `/approvals`: what people have to decide, and their decisions. */
export function addApprovalRoutes(app: FastifyInstance, options: ApprovalRoutesOptions): void {
  const { store, context, onDecided } = options;

  async function decide(id: string, wish: Wish, reply: FastifyReply): Promise<unknown> {
    const decided = await store.transaction(async (tx) => {
      const approval = await tx.approvals.byId(id);
      return approval && decideApproval(tx, context, approval, wish);
    });
    if (!decided) return reply.code(404).send(unknown(id));
    onDecided();
    if (decided.kind === 'decided') return approvalView(decided.approval);
    return reply.code(409).send(refuse('not_decided', `approval ${id} stays as it is: ${decided.sentence}`));
  }

  app.get('/approvals', async (request) => {
    const approvals = await store.read.approvals.list(readRequest(ApprovalQuery, request.query));
    return { approvals: approvals.map(approvalView) };
  });
  app.get<WithId>('/approvals/:id', async (request, reply) => {
    const approval = await store.read.approvals.byId(request.params.id);
    return approval ? approvalView(approval) : reply.code(404).send(unknown(request.params.id));
  });
  app.post<WithId>('/approvals/:id/approve', async (request, reply) => {
    const given = readRequest(Approve, request.body);
    const wish = { event: 'approve', ...given, ...actingAs(request, given.by) } as const;
    return decide(request.params.id, wish, reply);
  });
  app.post<WithId>('/approvals/:id/deny', async (request, reply) => {
    const given = readRequest(Deny, request.body);
    const wish = { event: 'deny', ...given, ...actingAs(request, given.by) } as const;
    return decide(request.params.id, wish, reply);
  });
  app.post<WithId>('/approvals/:id/answer', async (request, reply) => {
    const given = readRequest(Answer, request.body);
    const wish = { event: 'answer', ...given, ...actingAs(request, given.by) } as const;
    return decide(request.params.id, wish, reply);
  });
}

function unknown(id: string) {
  return refuse('unknown_approval', `there is no approval or question ${id}`);
}

function approvalView(approval: ApprovalRecord): ApprovalView {
  const { id, state, hash, asks, summary, taskId, runId, askedBy } = approval;
  const { createdAt, expiresAt, decidedAt, decidedBy, why, answer, gate, approvedBy } = approval;
  return {
    id,
    kind: 'action' in asks ? 'approval' : 'question',
    state,
    hash,
    ...asks,
    summary,
    taskId,
    ...(runId ? { runId } : {}),
    askedBy,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    ...(gate ? { gate: gate.name, approvals: gate.approvals, approvedBy } : {}),
    ...(decidedAt ? { decidedAt: new Date(decidedAt).toISOString() } : {}),
    ...(decidedBy ? { decidedBy } : {}),
    ...(why ? { why } : {}),
    ...(answer ? { answer } : {}),
  };
}

import { Decision } from '#core/messages/decision.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { decidersOf } from './texts.ts';

type Told = Pick<
  Decision['data'],
  'agent' | 'taskId' | 'runId' | 'key' | 'state' | 'hash' | 'by' | 'why' | 'answer'
>;

/** Tells the agent whose run waits what became of its request, in the caller's transaction. */
export async function tellAsker(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
): Promise<void> {
  const { state, hash, why, answer } = approval;
  const by = decidersOf(approval);
  const run = approval.runId === undefined ? undefined : await tx.runs.byId(approval.runId);
  if (!run || state === 'pending') return;
  await tellAgent(tx, context, {
    agent: run.agent,
    taskId: run.taskId,
    runId: run.id,
    key: approval.dedupKey.slice(run.agent.length + 1),
    state,
    hash,
    ...(by ? { by } : {}),
    ...(why ? { why } : {}),
    ...(answer ? { answer } : {}),
  });
}

/** The same for a request that was not taken: no record of it is kept. */
export async function tellAgent(tx: Repositories, context: ControlContext, told: Told): Promise<void> {
  const at = context.now();
  const decisionId = newId(at);
  const decision = Decision.create(
    {
      id: decisionId,
      source: `/fleets/${context.fleet}/control`,
      subject: `task/${told.taskId}`,
      time: new Date(at).toISOString(),
    },
    { ...told, decisionId },
  );
  await tx.outbox.add({
    subject: context.subjects.delivery(told.agent, decisionId),
    msgId: `decision:${decisionId}:${newNonce()}`,
    body: JSON.stringify(decision),
  });
}

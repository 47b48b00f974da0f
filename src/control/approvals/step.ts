import { type ApprovalEvent, nextApprovalState } from '#core/approval-states.ts';
import { OlympusError } from '#core/errors.ts';
import type { ApprovalEnd, ApprovalRecord } from '../store/approval-repository.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { closeCard } from './close-card.ts';
import { tellAsker } from './tell.ts';

/** Who has it end, and how; `by` of `end` is the person who decided, if one did. */
export type ApprovalStep = Omit<ApprovalEnd, 'state' | 'at'> & { readonly actor: Actor };

/** Ends what was to be decided, and takes the buttons off its card, in the caller's transaction. */
export async function endApproval(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
  event: ApprovalEvent,
  step: ApprovalStep,
): Promise<ApprovalRecord> {
  const ended = await endUnseen(tx, context, approval, event, step);
  await closeCard(tx, context, ended);
  return ended;
}

/**
 * Ends what nobody was shown: the row, its record in the audit, the event for the bus, and the word to the agent that
 * waits for it, in the caller's transaction. Throws `state_conflict` when it has ended before.
 */
export async function endUnseen(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
  event: ApprovalEvent,
  { actor, ...end }: ApprovalStep,
): Promise<ApprovalRecord> {
  const state = nextApprovalState(approval.state, event);
  if (!state) {
    throw new OlympusError(
      'state_conflict',
      `approval ${approval.id} is ${approval.state} and cannot ${event}`,
    );
  }
  const at = context.now();
  await tx.approvals.end(approval.id, { ...end, state, at });
  await record(tx, context, {
    who: actor,
    what: event,
    entity: 'approval',
    entityId: approval.id,
    state,
    why: end.answer || end.why || (event === 'expire' ? 'nobody decided in time' : approval.summary),
    agent: undefined,
  });
  const ended = {
    ...approval,
    state,
    decidedAt: at,
    decidedBy: end.by,
    why: end.why,
    answer: end.answer,
  };
  await tellAsker(tx, context, ended);
  return ended;
}

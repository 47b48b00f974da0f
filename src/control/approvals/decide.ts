import type { ApprovalState } from '#core/approval-states.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { countApproval, hasEnough, isSame, type Voice, voterOf } from './count.ts';
import { settleApproval } from './settle.ts';
import { decidersOf } from './texts.ts';

/** What a person wants. */
export type Wish = Voice & { readonly why?: string | undefined } & (
    | { readonly event: 'approve'; readonly hash: string }
    | { readonly event: 'deny' }
    | { readonly event: 'answer'; readonly answer: string }
  );

export type Decided =
  | { readonly kind: 'decided'; readonly approval: ApprovalRecord }
  | { readonly kind: 'refused'; readonly sentence: string };

const STATES = { approve: 'approved', deny: 'denied', answer: 'answered' } as const satisfies Record<
  Wish['event'],
  ApprovalState
>;

/**
 * A person decides; where a gate asks for several, an approval counts as one of them. The first decision holds: the same
 * one asked again by the same person changes nothing, any other is refused with who decided. One that comes too late finds it expired.
 */
export async function decideApproval(
  tx: Repositories,
  context: ControlContext,
  approval: ApprovalRecord,
  wish: Wish,
): Promise<Decided> {
  if (approval.state !== 'pending') {
    return isRepeated(approval, wish) ? { kind: 'decided', approval } : refused(overSentence(approval));
  }
  if (approval.expiresAt <= context.now()) {
    const expired = await settleApproval(tx, context, approval, 'expire', { actor: 'control' });
    return refused(overSentence(expired));
  }
  const wrong = problemOf(approval, wish);
  if (wrong) return refused(wrong);
  const counted = wish.event === 'approve' ? await countApproval(tx, context, approval, wish) : approval;
  if (wish.event === 'approve' && !hasEnough(counted)) return { kind: 'decided', approval: counted };
  const settled = await settleApproval(tx, context, counted, wish.event, {
    actor: `person/${wish.by}`,
    by: wish.by,
    why: wish.why,
    answer: wish.event === 'answer' ? wish.answer : undefined,
  });
  return { kind: 'decided', approval: settled };
}

function isRepeated(approval: ApprovalRecord, wish: Wish): boolean {
  const { decidedBy, approvedBy } = approval;
  const voter = voterOf(approval, wish);
  const hasApproved = wish.event === 'approve' && approvedBy.some((name) => isSame(name, voter));
  const isTheirs = hasApproved || (decidedBy !== undefined && isSame(decidedBy, wish.by));
  const same = approval.state === STATES[wish.event] && isTheirs;
  return same && (wish.event !== 'answer' || wish.answer === approval.answer);
}

function overSentence(approval: ApprovalRecord): string {
  const { state, decidedAt, expiresAt, why } = approval;
  const at = new Date(decidedAt ?? expiresAt).toISOString();
  const people = decidersOf(approval);
  if (people) return `it was ${state} by ${people} at ${at}`;
  return state === 'expired'
    ? `it expired at ${at}, and counts as denied`
    : `it was ${state} at ${at}: ${why}`;
}

/** What speaks against the decision, as the end of a sentence. */
function problemOf({ asks, hash, gate }: ApprovalRecord, wish: Wish): string | undefined {
  if (wish.event === 'approve') {
    if ('question' in asks) return 'it is a question: answer it';
    if (gate?.approvers && !gate.approvers.some((name) => isSame(name, wish.by))) {
      return `it has to pass the gate ${gate.name}, which is for ${gate.approvers.join(', ')}, and not for ${wish.by}`;
    }
    return wish.hash === hash
      ? undefined
      : `its hash is ${hash}, and another one was approved: look at it again`;
  }
  if (wish.event !== 'answer') return undefined;
  if ('action' in asks) return 'it is no question: approve or deny it';
  const { choices } = asks.question;
  return choices && !choices.includes(wish.answer)
    ? `the answer has to be one of: ${choices.join(', ')}`
    : undefined;
}

function refused(sentence: string): Decided {
  return { kind: 'refused', sentence };
}

import { z } from 'zod';
import { Action, Question } from './action.ts';
import { ActingName } from './api.ts';
import { approvalStates } from './approval-states.ts';

/** A decision that a person has to make, or has made, as the API shows it. */
export const ApprovalView = z.object({
  id: z.string(),
  kind: z.enum(['approval', 'question']),
  state: z.enum(approvalStates),
  /** What a decision holds for: it has to be named to approve. */
  hash: z.string(),
  /** For an approval: exactly what would be done. */
  action: Action.optional(),
  /** For a question. */
  question: Question.optional(),
  summary: z.string(),
  taskId: z.string(),
  /** The run that waits; none for a task that may not start yet. */
  runId: z.string().optional(),
  askedBy: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  /** The gate of the policies that it has to pass. */
  gate: z.string().optional(),
  /** How many people have to approve it. */
  approvals: z.int().optional(),
  /** Who has approved so far. */
  approvedBy: z.array(z.string()).optional(),
  decidedAt: z.iso.datetime().optional(),
  decidedBy: z.string().optional(),
  why: z.string().optional(),
  answer: z.string().optional(),
});
export type ApprovalView = z.output<typeof ApprovalView>;

const decides = {
  by: ActingName.optional(),
  why: z.string().max(1000).optional(),
};
const Hash = z.string().regex(/^[0-9a-f]{64}$/, 'write the hash of what was shown, 64 hex digits');

/** A person approves the action of this hash, and no other. */
export const Approve = z.strictObject({ ...decides, hash: Hash });
export type Approve = z.output<typeof Approve>;

export const Deny = z.strictObject(decides);
export type Deny = z.output<typeof Deny>;

/** A person answers a question; where it has choices, with one of them. */
export const Answer = z.strictObject({ ...decides, answer: z.string().trim().min(1).max(4000) });
export type Answer = z.output<typeof Answer>;

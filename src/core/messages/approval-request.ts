import { z } from 'zod';
import { Action } from '../action.ts';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/** What a request for a decision says, whatever is to be decided. */
export const asksDecision = {
  /** Asked twice with the same key it is one; a key never stands for anything else than at first. */
  key: z.string().min(1).max(512),
  taskId: Token,
  /** The run that waits; with `epoch` it has to be the task's current one. */
  runId: Token,
  epoch: z.int().min(1),
  /** How long it waits for a person, from when control has it. */
  expiresInMs: z.int().positive(),
};

/**
 * An agent asks whether it may do exactly one thing: `<f>.requests.<agent>.approval`. People decide, never agents; the
 * decision is bound to the hash of the action.
 */
export const ApprovalRequest = defineMessage({
  type: 'io.olympus.request.approval.v1',
  title: 'Request for an approval',
  data: z.looseObject({
    ...asksDecision,
    action: Action,
    /** What it is, and what it is for, in the agent's words. */
    summary: z.string().min(1).max(1000),
  }),
});
export type ApprovalRequest = z.output<typeof ApprovalRequest.schema>;

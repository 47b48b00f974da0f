import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { asksDecision } from './approval-request.ts';

/**
 * A run asks another agent for an answer: `<f>.requests.<agent>.delegation`. Control makes a task of it, for the one that the
 * run is of; what comes of that is told as a decision on this key.
 */
export const DelegationRequest = defineMessage({
  type: 'io.olympus.request.delegation.v1',
  title: 'Request for the answer of another agent',
  data: z.looseObject({
    ...asksDecision,
    /** Who is asked. Any text: control answers for unknown names. */
    agent: z.string().min(1).max(128),
    text: z.string().min(1),
  }),
});
export type DelegationRequest = z.output<typeof DelegationRequest.schema>;

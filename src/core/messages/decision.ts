import { z } from 'zod';
import { approvalStates } from '../approval-states.ts';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/**
 * What became of a request for a decision, or for the answer of another agent, for the agent that asked:
 * `<f>.deliveries.<agent>.<decisionId>`. It is on the bus until the agent has it in its journal.
 */
export const Decision = defineMessage({
  type: 'io.olympus.decision.v1',
  title: 'Decision on a request',
  data: z.looseObject({
    decisionId: Token,
    agent: Token,
    taskId: Token,
    runId: Token,
    /** The key of the request. */
    key: z.string().min(1).max(512),
    /**
     * `refused`: control did not take the request; `why` says what was wrong with it. `unanswered`: the agent that was asked
     * gives no answer, and `why` says what became of it.
     */
    state: z.enum([...approvalStates, 'unanswered', 'refused']).exclude(['pending']),
    /** Of exactly what was decided. */
    hash: z.string().optional(),
    by: z.string().optional(),
    why: z.string().optional(),
    /** For a question, and for what another agent was asked. */
    answer: z.string().optional(),
  }),
});
export type Decision = z.output<typeof Decision.schema>;

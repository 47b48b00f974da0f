import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/**
 * Whether an agent is to take new work: `<f>.control.<agent>.<verb>`, request and reply. Drained, it finishes what it
 * has and takes nothing more; control repeats the verb until the agent's heartbeat agrees.
 */
export const AgentDuty = defineMessage({
  type: 'io.olympus.agent.duty.v1',
  title: 'Duty of an agent',
  data: z.looseObject({
    verb: z.enum(['drain', 'resume']),
    agent: Token,
  }),
});
export type AgentDuty = z.output<typeof AgentDuty.schema>;

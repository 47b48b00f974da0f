import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/**
 * What control has an agent do at once: `<f>.control.<agent>.<verb>`, request and reply. It may be lost, and asked
 * again: control repeats it until what it is for has happened.
 */
export const AgentCommand = defineMessage({
  type: 'io.olympus.agent.command.v1',
  title: 'Command to an agent',
  data: z.looseObject({
    verb: z.enum(['cancel']),
    agent: Token,
    taskId: Token,
    runId: Token,
    /** Of the run; what an agent says of a run that it has not taken needs it. */
    epoch: z.int().positive().optional(),
  }),
});
export type AgentCommand = z.output<typeof AgentCommand.schema>;

/** What the agent answers: it has written the command down, or it says why not. */
export const CommandReply = z.looseObject({ ok: z.boolean(), reason: z.string().optional() });
export type CommandReply = z.output<typeof CommandReply>;

import { z } from 'zod';
import { Action, Question } from './action.ts';
import { ArtifactDigest } from './artifact.ts';
import { Decision } from './messages/decision.ts';
import { AgentName, Token } from './tokens.ts';

/** Longest line on the socket of the daemon's actions, in bytes. */
export const SOCKET_LINE_LIMIT = 64 * 1024;

/** What the command `olympus action` asks the daemon of its machine: one line of JSON a connection. */
export const SocketRequest = z.discriminatedUnion('ask', [
  z.strictObject({
    ask: z.literal('approval'),
    /** The task at which the agent is; a run of it has to be under way. */
    task: Token,
    action: Action,
    summary: z.string().trim().min(1).max(1000),
  }),
  z.strictObject({ ask: z.literal('question'), task: Token, question: Question }),
  z.strictObject({ ask: z.literal('agent'), task: Token, agent: AgentName, text: z.string().trim().min(1) }),
  /** What is in a file that came with a message; nobody is asked. */
  z.strictObject({ ask: z.literal('file'), digest: ArtifactDigest }),
]);
export type SocketRequest = z.output<typeof SocketRequest>;
/** Those that somebody else answers: people, or another agent. */
export type AskRequest = Exclude<SocketRequest, { ask: 'file' }>;

/** What the daemon answers, as one line of JSON, once it is decided or the time to wait for that is over. */
export const SocketReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('decided'),
    ...Decision.data.pick({ state: true, by: true, why: true, answer: true }).shape,
  }),
  /** The turn has to end now; the task goes on with the decision. */
  z.object({ kind: z.literal('parked') }),
  z.object({ kind: z.literal('file'), content: z.base64() }),
  /** Nothing was asked of anybody. */
  z.object({ kind: z.literal('refused'), sentence: z.string() }),
]);
export type SocketReply = z.output<typeof SocketReply>;

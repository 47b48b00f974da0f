import { z } from 'zod';
import { Action, Question } from './action.ts';
import { ArtifactDigest } from './artifact.ts';
import { GitHubWrite, RepositoryName, Slug } from './github-write.ts';
import { Decision } from './messages/decision.ts';
import { AgentName, Token } from './tokens.ts';

/** Longest line on the socket of the daemon's actions, in bytes. */
export const SOCKET_LINE_LIMIT = 64 * 1024;

/** Longest bundle of commits that an agent hands in, in bytes. */
const BUNDLE_LIMIT = 64 * 1024 * 1024;

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
  /** Something that the daemon writes to GitHub for the turn, once it may. */
  z.strictObject({
    ask: z.literal('write'),
    task: Token,
    write: GitHubWrite,
    summary: z.string().trim().min(1).max(1000),
  }),
  /** All branches of a repository, as a bundle that git clones: it follows the line of the reply. */
  z.strictObject({ ask: z.literal('clone'), task: Token, repo: RepositoryName }),
  /** Commits of the turn, as a bundle of `size` bytes that follows this line, become a branch of the agent's. */
  z.strictObject({
    ask: z.literal('push'),
    task: Token,
    repo: RepositoryName,
    slug: Slug,
    summary: z.string().trim().min(1).max(1000),
    size: z.int().min(1).max(BUNDLE_LIMIT, `a bundle may have at most ${BUNDLE_LIMIT} bytes`),
  }),
  /** What is in a file that came with a message; nobody is asked. */
  z.strictObject({ ask: z.literal('file'), digest: ArtifactDigest }),
]);
export type SocketRequest = z.output<typeof SocketRequest>;
/** Those that somebody else answers: people, or another agent. */
export type AskRequest = Extract<SocketRequest, { ask: 'approval' | 'question' | 'agent' }>;
export type WriteRequest = Extract<SocketRequest, { ask: 'write' }>;
export type CloneRequest = Extract<SocketRequest, { ask: 'clone' }>;
export type PushRequest = Extract<SocketRequest, { ask: 'push' }>;

/** What the daemon answers, as one line of JSON, once it is decided or the time to wait for that is over. */
export const SocketReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('decided'),
    ...Decision.data.pick({ state: true, by: true, why: true, answer: true }).shape,
  }),
  /** The turn has to end now; the task goes on with the decision. */
  z.object({ kind: z.literal('parked') }),
  z.object({ kind: z.literal('file'), content: z.base64() }),
  /** `size` bytes follow this line. */
  z.object({
    kind: z.literal('bundle'),
    size: z.int(),
    /** As whom the agent commits. */
    email: z.string(),
    name: z.string(),
  }),
  z.object({
    kind: z.literal('written'),
    url: z.string(),
    /** Of an issue or a pull request. */
    number: z.int().optional(),
    /** It was there as wanted already. */
    already: z.boolean(),
  }),
  /** Nothing was asked of anybody. */
  z.object({ kind: z.literal('refused'), sentence: z.string() }),
]);
export type SocketReply = z.output<typeof SocketReply>;

import type { AgentView } from '#core/api.ts';
import { mentionedNames } from '#integrations/mattermost/mentions.ts';
import type { User } from '#integrations/mattermost/posts.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';
import { threadOwner } from '#integrations/mattermost/thread-owner.ts';
import { ApiClient } from '../api-client.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { whoIsHere } from './message.ts';

/** Talking does not need the control plane: it is only asked in passing. */
const PATIENCE_MS = 3000;

/** The fleet's agents; undefined when the control plane cannot be asked. */
export async function knownAgents(context: CliContext): Promise<AgentView[] | undefined> {
  const { signal } = context;
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    return await new ApiClient({ ...context, signal: patience }).agents();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CliError || patience.aborted) return undefined;
    throw error;
  }
}

/**
 * The accounts an answer is expected from: the mentioned agents; where control does not know any of them, or
 * cannot be asked, the mentioned bots; without any mention, the agent of the thread. Refuses when that leaves nobody.
 */
export async function findTargets(
  rest: MattermostRest,
  { message, rootId, now }: { readonly message: string; readonly rootId: string; readonly now: number },
  agents: readonly AgentView[] | undefined,
  signal: AbortSignal,
): Promise<User[]> {
  const mentioned = mentionedNames(message);
  if (mentioned.length === 0) return [await ownerOf(rest, { rootId, now }, agents, signal)];
  const users = await Promise.all(mentioned.map((name) => rest.userNamed(name, signal)));
  const found = users.filter((user) => user !== undefined);
  const known = found.filter((user) => agents?.some((agent) => agent.name === user.username));
  const targets = known.length > 0 ? known : found.filter((user) => user.is_bot);
  if (targets.length > 0) return targets;
  const names = mentioned.map((name) => `@${name}`).join(', ');
  throw usageError(
    `${names} ${mentioned.length === 1 ? 'is no agent' : 'are no agents'}, so nobody would answer.`,
    whoIsHere(agents),
  );
}

/** Who goes on in a thread talks to the agent that was mentioned in it last. */
async function ownerOf(
  rest: MattermostRest,
  { rootId, now }: { readonly rootId: string; readonly now: number },
  agents: readonly AgentView[] | undefined,
  signal: AbortSignal,
): Promise<User> {
  const thread = await rest.thread(rootId, signal);
  const owner = await threadOwner(
    thread,
    now,
    { author: (id) => rest.user(id, signal), named: (name) => rest.userNamed(name, signal) },
    signal,
  );
  if (owner) return owner;
  throw usageError(
    "Nobody is mentioned, and this thread is no agent's, so nobody would answer.",
    whoIsHere(agents),
  );
}

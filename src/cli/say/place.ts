import { OlympusError } from '#core/errors.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';
import { usageError } from '../cli-error.ts';

/** Where the message goes: a channel, and in it a thread or a new one. */
export interface Place {
  readonly channelId: string;
  /** Empty when the message begins a thread. */
  readonly rootId: string;
}

/** The channel of this name; the refusal of an unknown one lists those there are. */
export async function channelPlace(
  rest: MattermostRest,
  team: string,
  given: string,
  signal: AbortSignal,
): Promise<Place> {
  const name = given.replace(/^[~#]/, '').toLowerCase();
  const channel = await rest.channelNamed(team, name, signal);
  if (channel) return { channelId: channel.id, rootId: '' };
  const mine = await rest.channels(signal);
  const names = mine.filter(({ type }) => type === 'O' || type === 'P').map((each) => each.name);
  throw usageError(
    `There is no channel ${name} in the team ${team} (OLYMPUS_MATTERMOST_TEAM), or you may not see it.`,
    `You are in: ${[...new Set(names)].sort().join(', ') || 'no channel at all'}.`,
  );
}

/** The thread that a post is in, whichever post of it. */
export async function threadPlace(rest: MattermostRest, postId: string, signal: AbortSignal): Promise<Place> {
  const unknown = usageError(
    `There is no thread ${postId} that you can see.`,
    '`olympus say` prints the id of the thread it writes into.',
  );
  // Anything else would be another path of the server's API.
  if (!/^[a-z0-9]{26}$/.test(postId)) throw unknown;
  try {
    const [root] = await rest.thread(postId, signal);
    if (root) return { channelId: root.channel_id, rootId: root.root_id || root.id };
  } catch (error) {
    if (!(error instanceof OlympusError) || error.code !== 'chat_refused') throw error;
  }
  throw unknown;
}

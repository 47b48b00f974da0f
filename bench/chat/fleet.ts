import { setTimeout } from 'node:timers/promises';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';
import { agentNames, type OlympusBench, startOlympus } from '../bus/olympus.ts';

/** A fleet on a chat stand-in, whose agents answer without thinking, and a person who asks them. */
export interface ChatFleet extends AsyncDisposable {
  readonly chat: Awaited<ReturnType<typeof createMattermostStandin>>;
  readonly olympus: OlympusBench;
  readonly person: MattermostRest;
  readonly agents: readonly string[];
  /** The one channel in which all of them are. */
  readonly channelId: string;
}

const tokenOf = (name: string): string => `${name}-token`;
const PERSON = 'ada';
/** The account of a bot that is no agent, for the floor. */
export const BARE = { name: 'bare', token: tokenOf('bare') };
/** How many runs an agent has at once. */
const CONCURRENCY = 4;

/** Starts it; the channel has that many posts already. The stand-in runs in the caller's process. */
export async function startChatFleet(
  agentCount: number,
  posts: number,
  signal: AbortSignal,
): Promise<ChatFleet> {
  const agents = agentNames(agentCount);
  const chat = await createMattermostStandin({
    seed: {
      team: { name: 'olympus' },
      users: [{ username: PERSON, token: tokenOf(PERSON) }],
      bots: [...agents, BARE.name].map((username) => ({ username, token: tokenOf(username) })),
      channels: [],
    },
  });
  const person = new MattermostRest(chat.url, tokenOf(PERSON));
  const channelId = chat.seeded?.channels['town-square'] ?? '';
  for (let index = 0; index < posts; index++) await say(person, channelId, `an older post ${index}`, signal);
  const olympus = await startOlympus(agentCount, CONCURRENCY, { url: chat.url, tokenOf });
  return {
    ...{ chat, olympus, person, agents, channelId },
    async [Symbol.asyncDispose]() {
      await olympus[Symbol.asyncDispose]();
      await chat.close();
    },
  };
}

/** Writes a post; `message` has to be another one each time. */
export function say(person: MattermostRest, channelId: string, message: string, signal: AbortSignal) {
  return person.post({ channelId, rootId: '', message, marks: { marker: message, depth: 0 } }, signal);
}

/** Resolves with the first reply to a post, and the reactions to it, once it has that reaction. */
export async function untilReacted(
  person: MattermostRest,
  postId: string,
  emoji: string,
  signal: AbortSignal,
) {
  while (true) {
    signal.throwIfAborted();
    const reactions = await person.reactions(postId, signal);
    const reply = (await person.thread(postId, signal)).find((post) => post.id !== postId);
    if (reply && reactions.some((each) => each.emoji_name === emoji)) return { reply, reactions };
    await setTimeout(20, undefined, { signal });
  }
}

import { z } from 'zod';
import { messageOf, OlympusError } from '#core/errors.ts';
import type { User } from '#integrations/mattermost/posts.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { LabError } from '../lab-error.ts';
import { type ChatTokens, readChatTokens, whatItHolds } from './tokens-file.ts';

/** What a person says of a chat server outside of the lab. */
export interface ChatServerOptions {
  readonly url: string;
  readonly tokensFile?: string | undefined;
}

/** A chat server outside of the lab that the lab's agents are in, as it was seen to answer. */
export interface ChatServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly team: string;
  readonly person: { readonly username: string; readonly token: string };
  /** Agent name → token of its bot account. */
  readonly agentTokens: Readonly<Record<string, string>>;
}

interface Asked extends ChatServerOptions {
  readonly agents: readonly string[];
  /** Where the file names none. */
  readonly usualTeam: string;
  readonly pingTimeoutMs?: number;
  readonly signal: AbortSignal;
}

const Ping = z.object({ status: z.literal('OK') });
const PING_TIMEOUT_MS = 10_000;
/** The channel that everybody in a team is in. */
const EVERYBODY = 'town-square';

/** Asks the server for everything that the lab needs of it; throws a LabError for the first thing that is missing. */
export async function askChatServer(asked: Asked): Promise<ChatServer> {
  const url = addressOf(asked.url);
  const { team = asked.usualTeam, person, agents } = tokensOf(url, asked);
  await ping(url, asked);
  const account = { url, team, signal: asked.signal };
  const { username } = await accountOf({ ...account, key: 'person', token: person, isBot: false });
  const agentTokens: Record<string, string> = {};
  for (const agent of asked.agents) {
    const token = agents[agent] ?? '';
    const bot = await accountOf({ ...account, key: agent, token, isBot: true });
    if (bot.username !== agent) {
      throw new LabError(
        `The token of ${agent} is that of @${bot.username} at ${url}.`,
        `An agent's account is called like the agent. Make a bot account ${agent} there, and write its token.`,
      );
    }
    agentTokens[agent] = token;
  }
  return { url, team, person: { username, token: person }, agentTokens };
}

function addressOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const plain = url && url.username === '' && url.search === '' && url.hash === '';
  if (!plain || !/^https?:$/.test(url.protocol)) {
    throw new LabError(
      'What --chat-url says is not the address of a chat server.',
      'Write one such as https://chat.example, as it stands in the browser before the name of a team.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

function tokensOf(url: string, { tokensFile, agents }: Asked): ChatTokens {
  if (tokensFile === undefined) {
    throw new LabError(
      `Nothing says who the agents are at ${url}.`,
      `Make a bot account for each agent there, called like it (${agents.join(', ')}), and add it to your team; make an access token of your own. Write them into a file, and name it with --chat-tokens. ${whatItHolds(agents)}`,
    );
  }
  const tokens = readChatTokens(tokensFile);
  const missing = agents.find((agent) => !(agent in tokens.agents));
  if (missing === undefined) return tokens;
  throw new LabError(
    `${tokensFile} has no token for ${missing}.`,
    `Make a bot account ${missing} at ${url}, add it to your team, and write its token there, as ${missing}: <token>.`,
  );
}

async function ping(url: string, { signal, pingTimeoutMs = PING_TIMEOUT_MS }: Asked): Promise<void> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(pingTimeoutMs)]);
  const response = await fetch(`${url}/api/v4/system/ping`, { redirect: 'manual', signal: both }).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw notReached(url, error);
    },
  );
  const location = response.headers.get('location');
  if (location !== null) {
    throw new LabError(
      `${url} sends whoever asks on to ${location}.`,
      'Give the address that it sends to, without /api/v4/system/ping.',
    );
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && Ping.safeParse(answer).success) return;
  throw new LabError(
    `What answers at ${url} is no Mattermost that is ready: ${response.status} to /api/v4/system/ping.`,
    'Give the address of the server itself, as it stands in the browser before the name of a team.',
  );
}

function notReached(url: string, error: unknown): LabError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const given = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  // That of a time-out is a number.
  const code = typeof given === 'string' ? given : messageOf(cause);
  if (/CERT|SIGNATURE|SELF_SIGNED/.test(code)) {
    return new LabError(
      `The certificate of ${url} is not trusted here (${code}).`,
      'Set NODE_EXTRA_CA_CERTS to the file with the certificate of its authority, and run this again.',
    );
  }
  return new LabError(
    `The chat server ${url} cannot be reached from this machine (${code}).`,
    'The lab goes there directly, by no proxy. Correct --chat-url, or see that the server runs.',
  );
}

interface Account {
  readonly url: string;
  readonly team: string;
  readonly signal: AbortSignal;
  /** What the file calls it. */
  readonly key: string;
  readonly token: string;
  readonly isBot: boolean;
}

async function accountOf({ url, team, key, token, isBot, signal }: Account): Promise<User> {
  const rest = new MattermostRest(url, token);
  const me = await rest.me(signal).catch((error: unknown) => {
    throw explained(error, `${url} does not take the token of ${key}`, {
      refused: `Make a new access token for ${isBot ? `the bot ${key}, and see that it is enabled` : 'yourself'} there.`,
    });
  });
  if (me.is_bot !== isBot) {
    throw new LabError(
      `The token of ${key} is that of @${me.username} at ${url}, ${isBot ? 'a person' : 'a bot'}.`,
      isBot ? `Make a bot account ${key} there, and write its token.` : 'Write a token of your own account.',
    );
  }
  const notIn = `@${me.username} is not in the team ${team} at ${url}, or there is no such team`;
  const refused = `Add @${me.username} to the team, or name another one in the file with the tokens, as team: <name>.`;
  const channel = await rest.channelNamed(team, EVERYBODY, signal).catch((error: unknown) => {
    throw explained(error, notIn, { refused });
  });
  if (!channel) throw new LabError(`${notIn}.`, refused);
  return me;
}

/** A refusal in our words; anything else is told as what it is. */
function explained(error: unknown, what: string, { refused }: { readonly refused: string }): unknown {
  if (!(error instanceof OlympusError)) return error;
  if (error.code === 'chat_unavailable') {
    return new LabError(error.message, 'See that the server runs well, then run this again.', {
      cause: error,
    });
  }
  return new LabError(`${what}.`, refused, { cause: error });
}

import type { TrustLabel } from '#core/envelope.ts';
import type { GithubSettings } from '#core/github-settings.ts';
import { type Account, GHOST } from './happening.ts';

/** Who an account of GitHub is here, and how far its words are trusted. */
export interface Standing {
  readonly trust: TrustLabel;
  /** The agent whose account it is. */
  readonly agent?: string | undefined;
  /** How it is called here: by its agent, by the name that the settings have, or as `github:<login>`. */
  readonly name: string;
}

const TRUSTED: Readonly<Record<string, TrustLabel>> = {
  OWNER: 'owner',
  MEMBER: 'member',
  COLLABORATOR: 'member',
};

/** How an account stands. A bot is one whatever else is said of it; who is unknown is from outside. */
export function standingOf(settings: GithubSettings, account: Account): Standing {
  const agent = agentOf(settings, account.login);
  if (agent !== undefined) return { trust: 'bot', agent, name: agent };
  // Who has no name here does not become somebody else who has that one.
  const name = `github:${account.login}`;
  if (account.isBot) return { trust: 'bot', name };
  const trust = own(TRUSTED, account.association ?? '');
  const person = Object.entries(settings.people).find(([login]) => isSame(login, account.login))?.[1];
  return { trust: trust ?? (person ? 'member' : 'external'), name: person ?? name };
}

/**
 * How somebody stands who has done what GitHub lets only its own do: giving an issue away, or wanting a review. The
 * author of it is no proof: a template can give what it makes labels in its author's name.
 */
export function standingOfActor(settings: GithubSettings, actor: Account, author: Account): Standing {
  if (actor.id === author.id) return standingOf(settings, author);
  const standing = standingOf(settings, actor);
  if (actor.id === GHOST.id) return standing;
  return standing.trust === 'external' ? { ...standing, trust: 'member' } : standing;
}

/** The agent that has this account. */
export function agentOf({ agents }: GithubSettings, login: string): string | undefined {
  return Object.entries(agents).find(([, identity]) => isSame(identity.login, login))?.[0];
}

export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

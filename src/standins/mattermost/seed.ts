import { asObject, type JsonObject, objectsOf, textOf, textsOf } from './json.ts';
import type { Channel, Team, User } from './model.ts';
import type { Store } from './store.ts';

/** A wrong seed: the message says which field. */
export class SeedError extends Error {}

/** What a seed left behind: ids and tokens by name. */
export interface SeedResult {
  readonly teams: Record<string, string>;
  readonly users: Record<string, { id: string; token?: string }>;
  readonly channels: Record<string, string>;
}

/**
 * Makes what the seed names and is not there yet; the second run changes nothing and answers the same.
 * It sends no events and writes no posts. The form is in `SeedDocument`.
 */
export function applySeed(store: Store, document: unknown): SeedResult {
  const seed = readSeed(document);
  const team = seedTeam(store, seed.team);
  const people = [...seed.users, ...seed.bots].map((account) => seedAccount(store, account));
  for (const user of people) store.channels.joinTeam(team.id, user.id);
  const everybody = people.map((user) => user.username);
  const standard = [
    { name: 'town-square', displayName: 'Town Square', type: 'O' as const },
    { name: 'off-topic', displayName: 'Off-Topic', type: 'O' as const },
  ];
  for (const each of [...standard, ...seed.channels]) seedChannel(store, team, each, everybody);
  return describe(store, team);
}

/** The body of POST /standin/seed. Members default to everybody in the seed; tokens to none. */
export interface SeedDocument {
  readonly team: { readonly name: string; readonly displayName?: string };
  readonly users: readonly SeedAccount[];
  readonly bots: readonly SeedAccount[];
  readonly channels: readonly SeedChannel[];
}

export interface SeedAccount {
  readonly username: string;
  readonly isBot: boolean;
  readonly password?: string;
  readonly token?: string;
  readonly email?: string;
  readonly roles?: string;
  readonly displayName?: string;
  readonly description?: string;
  /** The user that made the bot by POST /bots; without one the bot was converted and owns itself (facts §4.4). */
  readonly owner?: string;
}

export interface SeedChannel {
  readonly name: string;
  readonly displayName?: string;
  readonly type: 'O' | 'P';
  readonly members?: readonly string[];
}

function readSeed(document: unknown): SeedDocument {
  const seed = asObject(document);
  const team = asObject(seed?.['team']);
  if (!seed || !team || textOf(team, 'name') === '') {
    throw new SeedError(
      'the seed needs a team: {"team":{"name":"olympus"},"users":[],"bots":[],"channels":[]}',
    );
  }
  return {
    team: { name: textOf(team, 'name'), displayName: textOf(team, 'displayName', textOf(team, 'name')) },
    users: objectsOf(seed['users']).map((each) => readAccount(each, false)),
    bots: objectsOf(seed['bots']).map((each) => readAccount(each, true)),
    channels: objectsOf(seed['channels']).map(readChannel),
  };
}

function readAccount(given: JsonObject, isBot: boolean): SeedAccount {
  const username = textOf(given, 'username').toLowerCase();
  if (username === '') throw new SeedError('every user and bot of the seed needs a username');
  const optional = ['password', 'token', 'email', 'roles', 'displayName', 'description', 'owner'] as const;
  const present = optional.filter((field) => typeof given[field] === 'string');
  return { username, isBot, ...Object.fromEntries(present.map((field) => [field, textOf(given, field)])) };
}

function readChannel(given: JsonObject): SeedChannel {
  const name = textOf(given, 'name');
  if (name === '') throw new SeedError('every channel of the seed needs a name');
  return {
    name,
    displayName: textOf(given, 'displayName', name),
    type: given['type'] === 'P' ? 'P' : 'O',
    ...(Array.isArray(given['members']) ? { members: textsOf(given['members']) } : {}),
  };
}

function seedTeam(store: Store, team: SeedDocument['team']): Team {
  return (
    store.channels.teamNamed(team.name) ?? store.channels.addTeam(team.name, team.displayName ?? team.name)
  );
}

function seedAccount(store: Store, account: SeedAccount): User {
  const { token, owner, ...given } = account;
  const ownerId = owner === undefined ? undefined : store.users.named(owner)?.id;
  const user =
    store.users.named(account.username) ??
    store.users.add({ ...given, ...(ownerId ? { ownerId } : {}), hasRemoteId: ownerId === undefined });
  if (token === undefined || store.users.tokenByValue(token)) return user;
  store.users.addToken(user.id, 'personal', 'seeded', token);
  return user;
}

function seedChannel(store: Store, team: Team, seed: SeedChannel, everybody: readonly string[]): Channel {
  const channel =
    store.channels.named(team.id, seed.name) ??
    store.channels.add({
      teamId: team.id,
      type: seed.type,
      name: seed.name,
      displayName: seed.displayName ?? seed.name,
      creatorId: '',
    });
  for (const username of seed.members ?? everybody) {
    const user = store.users.named(username);
    if (!user) throw new SeedError(`channel ${seed.name} names ${username}, who is not in the seed`);
    store.channels.joinTeam(team.id, user.id);
    store.channels.addMember(channel.id, user.id);
  }
  return channel;
}

function describe(store: Store, team: Team): SeedResult {
  const users = store.users.all().map((user) => {
    const token = store.users
      .tokensOf(user.id)
      .find((each) => each.kind === 'personal' && each.isActive)?.token;
    return [user.username, { id: user.id, ...(token === undefined ? {} : { token }) }] as const;
  });
  const channels = store.channels.all().filter((channel) => channel.team_id === team.id);
  return {
    teams: { [team.name]: team.id },
    users: Object.fromEntries(users),
    channels: Object.fromEntries(channels.map((channel) => [channel.name, channel.id])),
  };
}

/**
 * Stands for `mmctl --local` of Mattermost 11: the part of it that the role uses, over a file, with what it prints and
 * ends with. Told to, it fails at a command, before it has done it or after.
 *
 *   scripted-mmctl.ts <state file> --local --json <words…>
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

export interface Account {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  roles: string;
  is_bot?: boolean;
}

export interface ChatState {
  readonly users: Account[];
  readonly teams: { name: string; delete_at: number; members: string[] }[];
  readonly channels: { team: string; name: string; type: 'O' | 'P'; delete_at: number; members: string[] }[];
  readonly tokens: { id: string; token: string; user: string; description: string }[];
  /** Each call's words. */
  readonly calls: string[][];
  /** The commands that fail next, in this order; `after` it was done, the answer is lost. */
  readonly faults: { command: string; when: 'before' | 'after' }[];
}

export const EMPTY: ChatState = { users: [], teams: [], channels: [], tokens: [], calls: [], faults: [] };

export function newId(): string {
  return randomBytes(13).toString('hex');
}

class Refusal extends Error {}

const COMMANDS: Record<string, (state: ChatState, words: string[]) => unknown> = {
  'user list': ({ users }) => users,
  'user create': (state, words) => {
    const { values } = parseArgs({ args: words, options: texts('email', 'username', 'password') });
    const { username = '', email = '' } = values;
    if (!values['password']) throw new Refusal('Password is required');
    if (state.users.some((each) => each.username === username || each.email === email))
      throw new Refusal('An account with that username already exists.');
    const made = { id: newId(), username, email, roles: 'system_user' };
    state.users.push(made);
    return made;
  },
  'user convert': (state, words) => {
    const { positionals } = parseArgs({
      args: words,
      options: { bot: { type: 'boolean' } },
      allowPositionals: true,
    });
    account(state, positionals[0]).is_bot = true;
    return undefined;
  },
  'roles system-admin': (state, [name]) => {
    account(state, name).roles = 'system_admin system_user';
    return undefined;
  },
  'team list': ({ teams }) => teams.map(({ members: _, ...team }) => team),
  'team create': (state, words) => {
    const options = { ...texts('name', 'display-name'), private: { type: 'boolean' } } as const;
    const { values } = parseArgs({ args: words, options });
    const name = values.name ?? '';
    if (state.teams.some((each) => each.name === name))
      throw new Refusal('A team with that name already exists');
    state.teams.push({ name, delete_at: 0, members: [] });
    for (const channel of ['town-square', 'off-topic'])
      state.channels.push({ team: name, name: channel, type: 'O', delete_at: 0, members: [] });
    return { name };
  },
  'team users': (state, [verb, name, ...users]) => {
    const team = state.teams.find((each) => each.name === name);
    if (verb !== 'add' || !team) throw new Refusal(`Unable to find team '${name}'`);
    for (const each of users) join(team.members, account(state, each).username);
    return undefined;
  },
  'channel list': (state, [name]) => {
    if (!state.teams.some((each) => each.name === name)) throw new Refusal(`unable to find team "${name}"`);
    return state.channels.filter((each) => each.team === name).map(({ members: _, ...channel }) => channel);
  },
  'channel create': (state, words) => {
    const options = { ...texts('team', 'name', 'display-name'), private: { type: 'boolean' } } as const;
    const { values } = parseArgs({ args: words, options });
    const { team = '', name = '' } = values;
    if (state.channels.some((each) => each.team === team && each.name === name))
      throw new Refusal('A channel with that name already exists on the same team.');
    const type = values.private ? 'P' : 'O';
    state.channels.push({ team, name, type, delete_at: 0, members: [] });
    return { name, type };
  },
  'channel users': (state, [verb, where = '', ...users]) => {
    const [team, name] = where.split(':');
    const channel = state.channels.find((each) => each.team === team && each.name === name);
    if (verb !== 'add' || !channel) throw new Refusal(`unable to find channel "${where}"`);
    for (const each of users) {
      const inside = state.teams.find((one) => one.name === team)?.members.includes(each);
      if (!inside) throw new Refusal(`unable to add "${each}" to "${name}"`);
      join(channel.members, account(state, each).username);
    }
    return undefined;
  },
  'token list': (state, [name]) => {
    const { id } = account(state, name);
    const found = state.tokens.filter((each) => each.user === id);
    if (found.length === 0) throw new Refusal(`there are no tokens for the "${name}"`);
    return found.map(({ token: _, ...each }) => ({ ...each, is_active: true }));
  },
  'token revoke': (state, ids) => {
    for (const id of ids) {
      const at = state.tokens.findIndex((each) => each.id === id);
      if (at < 0) throw new Refusal(`could not revoke token "${id}"`);
      state.tokens.splice(at, 1);
    }
    return undefined;
  },
  'token generate': (state, [name, description = '']) => {
    const made = { id: newId(), token: newId(), user: account(state, name).id, description };
    state.tokens.push(made);
    return [made];
  },
};

function texts<K extends string>(...names: readonly K[]) {
  return Object.fromEntries(names.map((name) => [name, { type: 'string' }])) as Record<K, { type: 'string' }>;
}

function account(state: ChatState, name: string | undefined): Account {
  const found = state.users.find(({ username }) => username === name);
  if (!found) throw new Refusal(`could not retrieve user information of "${name}"`);
  return found;
}

function join(members: string[], name: string): void {
  if (!members.includes(name)) members.push(name);
}

function main([file = '', ...words]: string[]): void {
  const state = JSON.parse(readFileSync(file, 'utf8')) as ChatState;
  state.calls.push(words);
  const command = words.slice(2, 4).join(' ');
  const fault = state.faults[0]?.command === command ? state.faults.shift() : undefined;
  try {
    if (words[0] !== '--local' || words[1] !== '--json') throw new Refusal('connection refused');
    const run = COMMANDS[command];
    if (!run) throw new Refusal(`unknown command "${command}" for "mmctl"`);
    if (fault?.when === 'before') throw new Refusal('the server is restarting');
    const rest = command === 'user list' ? [] : words.slice(4);
    const answer = run(state, rest);
    if (fault) throw new Refusal('the connection was reset');
    if (answer !== undefined) process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = 1;
  }
  writeFileSync(file, JSON.stringify(state));
}

if (import.meta.main) main(process.argv.slice(2));

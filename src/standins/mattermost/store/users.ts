import type { Clock } from '#lib/clock.ts';
import { newMattermostId } from '../ids.ts';
import type { Token, User } from '../model.ts';
import type { Tables } from './tables.ts';

export interface NewUser {
  readonly username: string;
  readonly isBot: boolean;
  readonly email?: string;
  readonly password?: string;
  readonly roles?: string;
  readonly displayName?: string;
  readonly description?: string;
  readonly ownerId?: string;
  readonly hasRemoteId?: boolean;
}

/** Accounts and the tokens that open them. */
export class UserStore {
  readonly #clock: Clock;
  readonly #users: Map<string, User>;
  readonly #tokens: Map<string, Token>;

  constructor(clock: Clock, tables: Tables) {
    this.#clock = clock;
    this.#users = tables.table('users');
    this.#tokens = tables.table('tokens');
  }

  add(given: NewUser): User {
    const now = this.#clock.now();
    const id = newMattermostId();
    const user: User = {
      id,
      username: given.username.toLowerCase(),
      email: given.email ?? `${given.username}@localhost`,
      isBot: given.isBot,
      createAt: now,
      hasRemoteId: given.hasRemoteId ?? !given.isBot,
      updateAt: now,
      deleteAt: 0,
      firstName: given.displayName ?? '',
      roles: given.roles ?? 'system_user',
      password: given.password,
      props: {},
      botDescription: given.description ?? '',
      botOwnerId: given.ownerId ?? id,
    };
    this.#users.set(id, user);
    return user;
  }

  get(id: string): User | undefined {
    return this.#users.get(id);
  }

  named(username: string): User | undefined {
    const name = username.toLowerCase();
    return this.all().find((user) => user.username === name);
  }

  all(): User[] {
    return [...this.#users.values()];
  }

  isSystemAdmin(user: User): boolean {
    return user.roles.split(' ').includes('system_admin');
  }

  /** Adds a token; `value` fixes its text, as a seed wants. */
  addToken(userId: string, kind: Token['kind'], description: string, value = newMattermostId()): Token {
    const token: Token = {
      id: newMattermostId(),
      token: value,
      userId,
      description,
      kind,
      isActive: true,
    };
    this.#tokens.set(value, token);
    return token;
  }

  tokensOf(userId: string): Token[] {
    return [...this.#tokens.values()].filter((token) => token.userId === userId);
  }

  tokenById(id: string): Token | undefined {
    return [...this.#tokens.values()].find((token) => token.id === id);
  }

  tokenByValue(value: string): Token | undefined {
    return this.#tokens.get(value);
  }

  removeToken(token: Token): void {
    this.#tokens.delete(token.token);
  }

  /** The token and its owner, unless the token is off or the owner is deactivated. */
  authenticate(value: string): { user: User; token: Token } | undefined {
    const token = this.#tokens.get(value);
    const user = token && this.#users.get(token.userId);
    if (!user || !token.isActive || user.deleteAt !== 0) return undefined;
    return { user, token };
  }
}

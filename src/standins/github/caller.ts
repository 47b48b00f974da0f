import { ApiError } from './errors.ts';
import { appOfJwt, isJwt } from './jwt.ts';
import type { Account, App, Installation, Token } from './model.ts';
import type { State } from './state.ts';

/** Who asks. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'user'; readonly account: Account; readonly token: Token }
  | {
      readonly kind: 'installation';
      readonly account: Account;
      readonly token: Token;
      readonly app: App;
      readonly installation: Installation;
    }
  | { readonly kind: 'app'; readonly app: App };

/** Somebody with a token of GitHub's own, who can write. */
export type Actor = Extract<Caller, { token: Token }>;

export function isActor(caller: Caller): caller is Actor {
  return caller.kind === 'user' || caller.kind === 'installation';
}

/** The app by whose token something is written. */
export function appIdOf(actor: Actor): number | undefined {
  return actor.kind === 'installation' ? actor.app.id : undefined;
}

/** Reads the Authorization header; 401 for a token that is unknown, gone or expired. */
export function authenticate(state: State, authorization: string | undefined, nowMs: number): Caller {
  const given = tokenOf(authorization);
  if (given === undefined) return { kind: 'nobody' };
  if (isJwt(given)) return { kind: 'app', app: appOfJwt(state, given, nowMs) };
  const token = state.tokens.get(given);
  if (!token || (token.expiresAt !== undefined && token.expiresAt <= nowMs)) {
    throw new ApiError(401, 'Bad credentials');
  }
  const account = state.account(token.accountId);
  if (token.installationId === undefined) return { kind: 'user', account, token };
  const installation = state.installations.get(token.installationId);
  if (!installation) throw new ApiError(401, 'Bad credentials');
  return { kind: 'installation', account, token, installation, app: state.app(installation.appId) };
}

/** `Bearer x`, `token x`, or the password of Basic, as git sends it; the user name where the password is empty. */
function tokenOf(authorization: string | undefined): string | undefined {
  const [scheme = '', value = ''] = (authorization ?? '').split(/\s+/);
  if (/^(bearer|token)$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const [user = '', ...password] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return password.join(':') || user;
}

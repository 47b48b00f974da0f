import { ApiError, badUrlParam, forbidden, userNotFound } from '../errors.ts';
import {
  numberParam,
  objectBody,
  publicRoute,
  type Route,
  route,
  textsBody,
  type UserCall,
} from '../http.ts';
import { isMattermostId } from '../ids.ts';
import { textOf } from '../json.ts';
import type { User } from '../model.ts';
import { renderSelf, renderUser } from '../render.ts';
import type { World } from '../world.ts';

/** Who is there, and who am I. */
export function userRoutes(world: World): Route[] {
  const { users, channels } = world.store;
  return [
    publicRoute('POST', '/users/login', (call) => {
      const body = objectBody(call, 'user');
      const login = textOf(body, 'login_id').toLowerCase();
      const user = users.all().find((each) => each.username === login || each.email === login);
      if (user?.isBot) throw botLoginForbidden();
      if (!user || user.password === undefined || user.password !== textOf(body, 'password')) {
        throw invalidCredentials();
      }
      const { token } = users.addToken(user.id, 'session', '');
      return { headers: { token }, body: renderSelf(user) };
    }),
    route('GET', '/users/me', (call) => ownUser(call.user)),
    route('POST', '/users/ids', (call) => {
      const wanted = new Set(textsBody(call, 'user_ids'));
      return {
        body: users
          .all()
          .filter((user) => wanted.has(user.id))
          .map(renderUser),
      };
    }),
    route('POST', '/users/usernames', (call) => {
      const wanted = new Set(textsBody(call, 'usernames').map((name) => name.toLowerCase()));
      return {
        body: users
          .all()
          .filter((user) => wanted.has(user.username))
          .map(renderUser),
      };
    }),
    route('GET', '/users/username/:username(^[A-Za-z0-9_.-]+$)', (call) => {
      const user = users.named(call.params['username'] ?? '');
      if (!user) throw usernameNotFound();
      return user.id === call.user.id ? ownUser(user) : { body: renderUser(user) };
    }),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)', (call) => {
      const user = userParam(world, call);
      return user.id === call.user.id ? ownUser(user) : { body: renderUser(user) };
    }),
    route('GET', '/users', (call) => {
      const perPage = numberParam(call, 'per_page', { fallback: 60, max: 200 });
      const start = numberParam(call, 'page', { fallback: 0 }) * perPage;
      const team = call.query.get('in_team');
      const channel = call.query.get('in_channel');
      const found = users
        .all()
        .filter((user) => !team || channels.isInTeam(team, user.id))
        .filter((user) => !channel || channels.isMember(channel, user.id))
        .sort((a, b) => a.username.localeCompare(b.username));
      return { body: found.slice(start, start + perPage).map(renderUser) };
    }),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)/preferences', () => ({ body: [] })),
  ];
}

/** The user a path names; `me` is the caller. */
export function userParam(world: World, call: UserCall, name = 'user_id'): User {
  const id = call.params[name] ?? '';
  if (id === 'me') return call.user;
  if (!isMattermostId(id)) throw badUrlParam(name);
  const user = world.store.users.get(id);
  if (!user) throw userNotFound();
  return user;
}

/** The user a path names, if it is the caller or the caller is a system admin; otherwise 403. */
export function ownUserParam(world: World, call: UserCall, name = 'user_id'): User {
  const user = userParam(world, call, name);
  if (user.id !== call.user.id && !world.store.users.isSystemAdmin(call.user)) throw forbidden();
  return user;
}

function ownUser(user: User): { headers: Record<string, string>; body: unknown } {
  return {
    headers: { etag: `11.0.3.${user.id}.${user.updateAt}..0.true.true.0` },
    body: renderSelf(user),
  };
}

function usernameNotFound(): ApiError {
  return new ApiError(
    404,
    'app.user.get_by_username.app_error',
    'Unable to find an existing account matching your username for this team. This team may require an invite from the team owner to join.',
  );
}

function botLoginForbidden(): ApiError {
  return new ApiError(401, 'api.user.login.bot_login_forbidden.app_error', 'Bot login is forbidden.');
}

function invalidCredentials(): ApiError {
  return new ApiError(
    401,
    'api.user.login.invalid_credentials_email_username',
    'Enter a valid email or username and/or password.',
  );
}

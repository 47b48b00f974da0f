import { ApiError, badBodyParam, forbidden } from '../errors.ts';
import { OK, objectBody, type Route, route, type UserCall } from '../http.ts';
import { textOf } from '../json.ts';
import type { Token, User } from '../model.ts';
import { renderToken } from '../render.ts';
import type { World } from '../world.ts';
import { userParam } from './users.ts';

/** Personal access tokens: shown once, listed without their text, dead for sockets too once revoked. */
export function tokenRoutes(world: World): Route[] {
  const { users } = world.store;
  const silence = (token: Token): void => world.deafen({ token: token.token });
  return [
    route('POST', '/users/:user_id(^[A-Za-z0-9]+$)/tokens', (call) => {
      const user = tokenOwner(world, call);
      const description = textOf(objectBody(call, 'user_access_token'), 'description');
      if (description === '') throw badBodyParam('description');
      const token = users.addToken(user.id, 'personal', description);
      return { body: { ...renderToken(token), token: token.token } };
    }),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)/tokens', (call) => {
      const user = tokenOwner(world, call);
      const personal = users.tokensOf(user.id).filter((token) => token.kind === 'personal');
      return { body: personal.map(renderToken) };
    }),
    route('POST', '/users/tokens/revoke', (call) => {
      const token = tokenInBody(world, call);
      users.removeToken(token);
      silence(token);
      return OK;
    }),
    route('POST', '/users/tokens/disable', (call) => {
      const token = tokenInBody(world, call);
      token.isActive = false;
      silence(token);
      return OK;
    }),
    route('POST', '/users/tokens/enable', (call) => {
      tokenInBody(world, call).isActive = true;
      return OK;
    }),
  ];
}

/** Handling tokens takes a role that neither users nor bots have by default, admins do (user.go). */
function tokenOwner(world: World, call: UserCall): User {
  const user = userParam(world, call);
  if (!world.store.users.isSystemAdmin(call.user)) throw forbidden();
  return user;
}

function tokenInBody(world: World, call: UserCall): Token {
  const id = textOf(objectBody(call, 'token_id'), 'token_id');
  if (id === '') throw badBodyParam('token_id');
  const token = world.store.users.tokenById(id);
  if (!token) {
    throw new ApiError(
      404,
      'app.user_access_token.get_by_user.app_error',
      'Unable to get the personal access token.',
    );
  }
  if (!world.store.users.isSystemAdmin(call.user)) throw forbidden();
  return token;
}

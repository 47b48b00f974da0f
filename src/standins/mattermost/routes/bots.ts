import { ApiError, badBodyParam, badUrlParam, botNotFound, forbidden } from '../errors.ts';
import { numberParam, objectBody, type Route, route, type UserCall } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import { textOf } from '../json.ts';
import type { User } from '../model.ts';
import { renderBot } from '../render.ts';
import type { World } from '../world.ts';

/** Bot accounts, for system admins only: lists are forbidden to others, single bots hidden (recorded: 114). */
export function botRoutes(world: World): Route[] {
  const { users } = world.store;
  const setActive = (bot: User, isActive: boolean): { body: unknown } => {
    bot.deleteAt = isActive ? 0 : world.clock.now();
    bot.updateAt = world.clock.now();
    // Enabling again does not give an open socket its hearing back (facts §0.5).
    if (!isActive) world.deafen({ userId: bot.id });
    return { body: renderBot(bot) };
  };
  return [
    route('POST', '/bots', (call) => {
      requireAdmin(world, call);
      const body = objectBody(call, 'bot');
      const username = textOf(body, 'username');
      if (!/^[a-z][a-z0-9._-]{2,63}$/.test(username)) throw badBodyParam('username');
      if (users.named(username)) throw usernameTaken();
      const bot = users.add({
        username,
        isBot: true,
        displayName: textOf(body, 'display_name'),
        description: textOf(body, 'description'),
        ownerId: call.user.id,
      });
      return { status: 201, body: renderBot(bot) };
    }),
    route('GET', '/bots', (call) => {
      requireAdmin(world, call);
      const withDeleted = call.query.get('include_deleted') === 'true';
      const perPage = numberParam(call, 'per_page', { fallback: 60, max: 200 });
      const start = numberParam(call, 'page', { fallback: 0 }) * perPage;
      const bots = users.all().filter((user) => user.isBot && (withDeleted || user.deleteAt === 0));
      return { body: bots.slice(start, start + perPage).map(renderBot) };
    }),
    route('GET', '/bots/:bot_user_id(^[A-Za-z0-9]+$)', (call) => {
      const bot = botParam(world, call);
      if (bot.deleteAt !== 0 && call.query.get('include_deleted') !== 'true') throw botNotFound();
      return { body: renderBot(bot) };
    }),
    route('POST', '/bots/:bot_user_id(^[A-Za-z0-9]+$)/disable', (call) => {
      return setActive(botParam(world, call), false);
    }),
    route('POST', '/bots/:bot_user_id(^[A-Za-z0-9]+$)/enable', (call) => {
      return setActive(botParam(world, call), true);
    }),
  ];
}

function requireAdmin(world: World, call: UserCall): void {
  if (!world.store.users.isSystemAdmin(call.user)) throw forbidden();
}

function botParam(world: World, call: UserCall): User {
  const id = call.params['bot_user_id'] ?? '';
  if (!isMattermostId(id)) throw badUrlParam('bot_user_id');
  const user = world.store.users.get(id);
  // To others a bot does not exist at all (bot.go: getBot).
  if (!user?.isBot || !world.store.users.isSystemAdmin(call.user)) throw botNotFound();
  return user;
}

function usernameTaken(): ApiError {
  return new ApiError(
    400,
    'app.user.save.username_exists.app_error',
    'An account with that username already exists.',
  );
}

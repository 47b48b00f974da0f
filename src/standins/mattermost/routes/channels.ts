import { createTeamChannel, openPrivateChannel } from '../actions/membership.ts';
import { readableChannel } from '../actions/permissions.ts';
import { ApiError, badBodyParam, forbidden } from '../errors.ts';
import { objectBody, type Route, route, textsBody, type UserCall } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import { textOf } from '../json.ts';
import type { Channel, User } from '../model.ts';
import type { World } from '../world.ts';
import { ownUserParam } from './users.ts';

/** Channels: made, found, listed, marked as read. */
export function channelRoutes(world: World): Route[] {
  const { channels } = world.store;
  return [
    route('POST', '/channels', (call) => ({ status: 201, body: create(world, call) })),
    route('POST', '/channels/direct', (call) => {
      const ids = textsBody(call, 'user_ids');
      if (ids.length !== 2) throw badBodyParam('user_ids');
      if (!ids.every(isMattermostId)) throw badBodyParam('user_id');
      if (!ids.includes(call.user.id) && !world.store.users.isSystemAdmin(call.user)) throw forbidden();
      const users = usersInBody(world, call, 'user_ids');
      return { status: 201, body: openPrivateChannel(world, users, call.user) };
    }),
    route('POST', '/channels/group', (call) => {
      const named = usersInBody(world, call, 'user_ids');
      const users = [...new Set([...named, call.user])];
      if (users.length < 3 || users.length > 8) throw badGroupSize();
      return { status: 201, body: openPrivateChannel(world, users, call.user) };
    }),
    route('GET', '/channels/:channel_id(^[A-Za-z0-9]+$)', (call) => ({
      body: readableChannel(world.store, call.user, call.params['channel_id'] ?? ''),
    })),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)/channels', (call) => {
      const mine = channels.channelsOf(ownUserParam(world, call).id);
      return { body: mine.sort((a, b) => (a.id < b.id ? -1 : 1)) };
    }),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)/teams/:team_id(^[A-Za-z0-9]+$)/channels', (call) => {
      const user = ownUserParam(world, call);
      const teamId = call.params['team_id'] ?? '';
      const mine = channels
        .channelsOf(user.id)
        .filter((channel) => channel.team_id === teamId || channel.team_id === '')
        .sort((a, b) => compare(a.display_name, b.display_name) || compare(a.name, b.name));
      const latest = mine.reduce((last, each) => Math.max(last, each.last_post_at, each.update_at), 0);
      return { headers: { etag: `11.0.3.${mine.at(-1)?.id ?? ''}.${latest}.0.${mine.length}` }, body: mine };
    }),
    route('POST', '/channels/members/:user_id(^[A-Za-z0-9]+$)/view', (call) => {
      const user = ownUserParam(world, call);
      const channelId = textOf(objectBody(call, 'channel_view'), 'channel_id');
      const channel = channels.get(channelId);
      const membership = channels.member(channelId, user.id);
      if (channel && membership) {
        membership.lastViewedAt = channel.last_post_at;
        membership.msgCount = channel.total_msg_count;
        membership.mentionCount = 0;
      }
      const times = channel && membership ? { [channelId]: membership.lastViewedAt } : {};
      return { body: { status: 'OK', last_viewed_at_times: times } };
    }),
  ];
}

function create(world: World, call: UserCall): Channel {
  const { channels, users } = world.store;
  const body = objectBody(call, 'channel');
  const type = textOf(body, 'type');
  const teamId = textOf(body, 'team_id');
  const name = textOf(body, 'name');
  if (type !== 'O' && type !== 'P') throw badBodyParam('type');
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) throw badBodyParam('name');
  if (!channels.isInTeam(teamId, call.user.id) && !users.isSystemAdmin(call.user)) throw forbidden();
  if (channels.named(teamId, name)) throw channelExists();
  return createTeamChannel(world, call.user, {
    teamId,
    type,
    name,
    displayName: textOf(body, 'display_name', name),
    header: textOf(body, 'header'),
    purpose: textOf(body, 'purpose'),
  });
}

function usersInBody(world: World, call: UserCall, what: string): User[] {
  return textsBody(call, what).map((id) => {
    const user = world.store.users.get(id);
    if (!user) throw invalidDirectUser();
    return user;
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function invalidDirectUser(): ApiError {
  return new ApiError(400, 'api.channel.create_direct_channel.invalid_user.app_error', 'Invalid user ID.');
}

function channelExists(): ApiError {
  return new ApiError(
    400,
    'store.sql_channel.save_channel.exists.app_error',
    'A channel with that name already exists on the same team.',
  );
}

function badGroupSize(): ApiError {
  return new ApiError(
    400,
    'api.channel.create_group.bad_size.app_error',
    'Group message channels must contain at least 3 and no more than 8 users.',
  );
}

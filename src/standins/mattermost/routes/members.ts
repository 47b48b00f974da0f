import { addToChannel, removeFromChannel } from '../actions/membership.ts';
import { canPost, readableChannel } from '../actions/permissions.ts';
import { ApiError, badBodyParam, badUrlParam, channelNotFound, forbidden, userNotFound } from '../errors.ts';
import { numberParam, OK, objectBody, type Route, route, type UserCall } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import { textOf, textsOf } from '../json.ts';
import type { Channel, User } from '../model.ts';
import { renderMembership } from '../render.ts';
import type { World } from '../world.ts';
import { userParam } from './users.ts';

const MEMBERS = '/channels/:channel_id(^[A-Za-z0-9]+$)/members';

/** Who is in a channel: joining a public one, adding others, leaving, removing. */
export function memberRoutes(world: World): Route[] {
  const { channels, users } = world.store;
  return [
    route('GET', MEMBERS, (call) => {
      const channel = readableChannel(world.store, call.user, call.params['channel_id'] ?? '');
      const perPage = numberParam(call, 'per_page', { fallback: 60, max: 200 });
      const start = numberParam(call, 'page', { fallback: 0 }) * perPage;
      return {
        body: channels
          .members(channel.id)
          .slice(start, start + perPage)
          .map(renderMembership),
      };
    }),
    route('GET', `${MEMBERS}/:user_id(^[A-Za-z0-9]+$)`, (call) => {
      const channel = readableChannel(world.store, call.user, call.params['channel_id'] ?? '');
      const membership = channels.member(channel.id, userParam(world, call).id);
      if (!membership) throw memberNotFound();
      return { body: renderMembership(membership) };
    }),
    route('POST', MEMBERS, (call) => {
      const channel = knownChannel(world, call);
      const body = objectBody(call, 'user_id');
      const ids = 'user_ids' in body ? textsOf(body['user_ids']) : [textOf(body, 'user_id')];
      if (ids.some((id) => !isMattermostId(id))) throw badBodyParam('user_id');
      const added = ids.map((id) => {
        const user = users.get(id);
        if (!user) throw userNotFound();
        if (!channels.isInTeam(channel.team_id, user.id)) throw notInTeam();
        if (!mayAdd(world, call.user, channel, user)) throw forbidden();
        return addToChannel(world, channel, user, call.user);
      });
      const shown = added.map(renderMembership);
      return { status: 201, body: 'user_ids' in body ? shown : shown[0] };
    }),
    route('DELETE', `${MEMBERS}/:user_id(^[A-Za-z0-9]+$)`, (call) => {
      const channel = knownChannel(world, call);
      const user = userParam(world, call);
      if (user.id !== call.user.id && !canPost(world.store, call.user, channel.id)) throw forbidden();
      if (!channels.isMember(channel.id, user.id)) throw memberNotFound();
      removeFromChannel(world, channel, user, call.user);
      return OK;
    }),
  ];
}

/** Anybody of the team may join a public channel; adding others, and all of a private one, is for members (facts §3.2). */
function mayAdd(world: World, caller: User, channel: Channel, user: User): boolean {
  if (channel.type === 'D' || channel.type === 'G') return false;
  const joinsItself = channel.type === 'O' && caller.id === user.id;
  return joinsItself || canPost(world.store, caller, channel.id);
}

function knownChannel(world: World, call: UserCall): Channel {
  const id = call.params['channel_id'] ?? '';
  if (!isMattermostId(id)) throw badUrlParam('channel_id');
  const channel = world.store.channels.get(id);
  if (!channel) throw channelNotFound();
  return channel;
}

function notInTeam(): ApiError {
  return new ApiError(
    404,
    'app.team.get_member.missing.app_error',
    'No team member found for that user ID and team ID.',
  );
}

function memberNotFound(): ApiError {
  return new ApiError(
    404,
    'app.channel.get_member.missing.app_error',
    'No channel member found for that user ID and channel ID.',
  );
}

import { canPost } from '../actions/permissions.ts';
import { chooseStatus } from '../actions/status.ts';
import { publishTyping } from '../actions/typing.ts';
import { badBodyParam, forbidden } from '../errors.ts';
import { OK, objectBody, type Route, route, textsBody } from '../http.ts';
import { textOf } from '../json.ts';
import type { StatusName } from '../model.ts';
import type { World } from '../world.ts';
import { ownUserParam, userParam } from './users.ts';

const STATUS_NAMES = new Set<string>(['online', 'away', 'dnd', 'offline']);

/** Presence and typing. */
export function statusRoutes(world: World): Route[] {
  const { statuses } = world.store;
  return [
    route('POST', '/users/:user_id(^[A-Za-z0-9]+$)/typing', (call) => {
      const user = ownUserParam(world, call);
      const body = objectBody(call, 'typing');
      const channelId = textOf(body, 'channel_id');
      if (!canPost(world.store, call.user, channelId)) throw forbidden();
      publishTyping(world, user.id, channelId, textOf(body, 'parent_id'));
      return OK;
    }),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)/status', (call) => ({
      body: statuses.get(userParam(world, call).id),
    })),
    route('PUT', '/users/:user_id(^[A-Za-z0-9]+$)/status', (call) => {
      const user = ownUserParam(world, call);
      const body = objectBody(call, 'status');
      // The body must name the user of the path once more (status.go: updateUserStatus).
      if (textOf(body, 'user_id') !== user.id) throw badBodyParam('user_id');
      const name = textOf(body, 'status');
      if (!isStatusName(name)) throw badBodyParam('status');
      chooseStatus(world, user.id, name);
      return { body: statuses.get(user.id) };
    }),
    route('POST', '/users/status/ids', (call) => ({
      body: textsBody(call, 'user_ids')
        .filter((id) => world.store.users.get(id))
        .map((id) => statuses.get(id)),
    })),
    route('PUT', '/users/:user_id(^[A-Za-z0-9]+$)/status/custom', (call) => {
      const user = ownUserParam(world, call);
      const body = objectBody(call, 'custom_status');
      if (textOf(body, 'emoji') === '' && textOf(body, 'text') === '') throw badBodyParam('custom_status');
      const customStatus = JSON.stringify({
        emoji: textOf(body, 'emoji'),
        text: textOf(body, 'text'),
        duration: textOf(body, 'duration'),
        expires_at: textOf(body, 'expires_at', '0001-01-01T00:00:00Z'),
      });
      user.props = { ...user.props, customStatus };
      user.updateAt = world.clock.now();
      return OK;
    }),
  ];
}

function isStatusName(name: string): name is StatusName {
  return STATUS_NAMES.has(name);
}

import { canPost, readablePost } from '../actions/permissions.ts';
import { react, unreact } from '../actions/react.ts';
import { ApiError, forbidden } from '../errors.ts';
import { OK, objectBody, type Route, route } from '../http.ts';
import { textOf } from '../json.ts';
import type { World } from '../world.ts';
import { userParam } from './users.ts';

/** Reactions; adding one answers 200, not the 201 of the specification (facts §3.5). */
export function reactionRoutes(world: World): Route[] {
  const { store } = world;
  return [
    route('POST', '/reactions', (call) => {
      const body = objectBody(call, 'reaction');
      if (textOf(body, 'user_id') !== call.user.id) throw notYours();
      const post = readablePost(store, call.user, textOf(body, 'post_id'));
      if (!canPost(store, call.user, post.channel_id)) throw forbidden();
      return { body: react(world, call.user.id, post, textOf(body, 'emoji_name')) };
    }),
    route('GET', '/posts/:post_id(^[A-Za-z0-9]+$)/reactions', (call) => ({
      body: store.posts.reactions(readablePost(store, call.user, call.params['post_id'] ?? '').id),
    })),
    route(
      'DELETE',
      '/users/:user_id(^[A-Za-z0-9]+$)/posts/:post_id(^[A-Za-z0-9]+$)/reactions/:emoji_name(^[A-Za-z0-9_+-]+$)',
      (call) => {
        const user = userParam(world, call);
        if (user.id !== call.user.id && !store.users.isSystemAdmin(call.user)) throw forbidden();
        const post = readablePost(store, call.user, call.params['post_id'] ?? '');
        unreact(world, user.id, post, call.params['emoji_name'] ?? '');
        return OK;
      },
    ),
  ];
}

function notYours(): ApiError {
  return new ApiError(
    403,
    'api.reaction.save_reaction.user_id.app_error',
    'You cannot save reaction for the other user.',
  );
}

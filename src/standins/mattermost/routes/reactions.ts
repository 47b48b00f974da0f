import { canPost } from '../actions/permissions.ts';
import { react, unreact } from '../actions/react.ts';
import { ApiError, badUrlParam, forbidden } from '../errors.ts';
import { OK, objectBody, type Route, route } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import { textOf } from '../json.ts';
import type { Post, User } from '../model.ts';
import type { World } from '../world.ts';
import { userParam } from './users.ts';

/** Reactions; adding one answers 200, not the 201 of the specification (facts §3.5). */
export function reactionRoutes(world: World): Route[] {
  const { store } = world;
  return [
    route('POST', '/reactions', (call) => {
      const body = objectBody(call, 'reaction');
      const [userId, postId, emoji] = [
        textOf(body, 'user_id'),
        textOf(body, 'post_id'),
        textOf(body, 'emoji_name'),
      ];
      if (!isMattermostId(userId) || !isMattermostId(postId) || emoji === '' || emoji.length > 64)
        throw invalid();
      if (userId !== call.user.id) throw notYours();
      return { body: react(world, call.user.id, postFor(world, call.user, postId), emoji) };
    }),
    route('GET', '/posts/:post_id(^[A-Za-z0-9]+$)/reactions', (call) => ({
      body: store.posts.reactions(postFor(world, call.user, call.params['post_id'] ?? '').id),
    })),
    route(
      'DELETE',
      '/users/:user_id(^[A-Za-z0-9]+$)/posts/:post_id(^[A-Za-z0-9]+$)/reactions/:emoji_name(^[A-Za-z0-9_+-]+$)',
      (call) => {
        const user = userParam(world, call);
        const post = postFor(world, call.user, call.params['post_id'] ?? '');
        if (user.id !== call.user.id && !store.users.isSystemAdmin(call.user)) throw forbidden();
        unreact(world, user.id, post, call.params['emoji_name'] ?? '');
        return OK;
      },
    ),
  ];
}

/** The post, for a member of its channel; 403 also when there is no such post (reaction.go). */
function postFor(world: World, user: User, postId: string): Post {
  if (!isMattermostId(postId)) throw badUrlParam('post_id');
  const post = world.store.posts.get(postId);
  if (!post || !canPost(world.store, user, post.channel_id)) throw forbidden();
  return post;
}

function invalid(): ApiError {
  return new ApiError(400, 'api.reaction.save_reaction.invalid.app_error', 'Reaction is not valid.');
}

function notYours(): ApiError {
  return new ApiError(
    403,
    'api.reaction.save_reaction.user_id.app_error',
    'You cannot save reaction for the other user.',
  );
}

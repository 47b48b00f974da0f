import { createPost, type PostRequest } from '../actions/create-post.ts';
import { deletePost, editPost } from '../actions/edit-post.ts';
import { postEphemeral } from '../actions/ephemeral.ts';
import { canPost, ownedPost, readablePost } from '../actions/permissions.ts';
import { observeStatus } from '../actions/status.ts';
import { badBodyParam, badUrlParam, forbidden } from '../errors.ts';
import { type Call, OK, objectBody, type Route, route, type UserCall } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import { asObject, textOf, textsOf } from '../json.ts';
import type { Post } from '../model.ts';
import { renderPost } from '../render.ts';
import type { World } from '../world.ts';

/** A field of another type makes the whole body unreadable for the server. */
const TEXT_FIELDS = ['channel_id', 'message', 'root_id', 'pending_post_id', 'type'] as const;

const POST = '/posts/:post_id(^[A-Za-z0-9]+$)';

/** Posts: written, read, changed, deleted. */
export function postRoutes(world: World): Route[] {
  const { store } = world;
  const owned = (call: UserCall): Post => ownedPost(store, call.user, call.params['post_id'] ?? '');
  /** Any member may pin; 403 also when there is no such post (post.go: saveIsPinnedPost). */
  const pinnable = (call: UserCall): Post => {
    const postId = call.params['post_id'] ?? '';
    if (!isMattermostId(postId)) throw badUrlParam('post_id');
    const post = store.posts.get(postId);
    if (!post || !canPost(store, call.user, post.channel_id)) throw forbidden();
    return post;
  };
  return [
    route(
      'POST',
      '/posts',
      async (call) => {
        const request = postRequest(call);
        if (call.query.get('set_online') !== 'false') observeStatus(world, call.user.id, 'online');
        return { status: 201, body: await createPost(world, call.user, request, call.beforeEffect) };
      },
      { parksItself: true },
    ),
    route('POST', '/posts/ephemeral', (call) => {
      if (!store.users.isSystemAdmin(call.user)) throw forbidden();
      const body = objectBody(call, 'body');
      const post = asObject(body['post']);
      if (!post) throw badBodyParam('post');
      return {
        status: 201,
        body: postEphemeral(world, call.user, {
          receiverId: textOf(body, 'user_id'),
          channelId: textOf(post, 'channel_id'),
          message: textOf(post, 'message'),
        }),
      };
    }),
    route('GET', POST, (call) => {
      const post = readablePost(store, call.user, call.params['post_id'] ?? '');
      return { headers: { etag: `11.0.3.${post.id}.${post.update_at}` }, body: renderPost(store, post) };
    }),
    route('PUT', `${POST}/patch`, (call) => {
      const post = owned(call);
      const body = objectBody(call, 'post');
      const props = asObject(body['props']);
      return {
        body: editPost(world, post, {
          ...(typeof body['message'] === 'string' ? { message: body['message'] } : {}),
          ...(props ? { props } : {}),
          ...(typeof body['is_pinned'] === 'boolean' ? { isPinned: body['is_pinned'] } : {}),
        }),
      };
    }),
    route('PUT', POST, (call) => {
      const post = owned(call);
      const body = objectBody(call, 'post');
      if (textOf(body, 'id') !== post.id) throw badBodyParam('id');
      const change = { message: textOf(body, 'message'), props: asObject(body['props']) ?? {} };
      return { body: editPost(world, post, change) };
    }),
    route('DELETE', POST, (call) => {
      deletePost(world, call.user, owned(call));
      return OK;
    }),
    route('POST', `${POST}/pin`, (call) => {
      editPost(world, pinnable(call), { isPinned: true });
      return OK;
    }),
    route('POST', `${POST}/unpin`, (call) => {
      editPost(world, pinnable(call), { isPinned: false });
      return OK;
    }),
  ];
}

function postRequest(call: Call): PostRequest {
  const body = objectBody(call, 'post');
  const isWellTyped =
    TEXT_FIELDS.every((field) => isTextOrAbsent(body[field])) &&
    (body['props'] == null || asObject(body['props']) !== undefined) &&
    (body['file_ids'] == null || Array.isArray(body['file_ids']));
  if (!isWellTyped) throw badBodyParam('post');
  const priority = asObject(asObject(body['metadata'])?.['priority']);
  return {
    channelId: textOf(body, 'channel_id'),
    message: textOf(body, 'message'),
    rootId: textOf(body, 'root_id'),
    props: asObject(body['props']) ?? {},
    fileIds: textsOf(body['file_ids']),
    pendingPostId: textOf(body, 'pending_post_id'),
    wantsPriority: priority !== undefined,
  };
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}

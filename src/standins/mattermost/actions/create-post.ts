import { ApiError, forbidden } from '../errors.ts';
import { newMattermostId } from '../ids.ts';
import type { Channel, Post, Props, User } from '../model.ts';
import { renderPost } from '../render.ts';
import type { World } from '../world.ts';
import { withActionIds } from './attachments.ts';
import { canPost } from './permissions.ts';
import { publishPost } from './publish-post.ts';

/** The longest message, in runes (recorded: 10 to 13). */
const MAX_MESSAGE_RUNES = 16_383;

/** What a client may say about a new post; `create_at` and the like are ignored (recorded: 63). */
export interface PostRequest {
  readonly channelId: string;
  readonly message: string;
  readonly rootId: string;
  readonly props: Props;
  readonly fileIds: readonly string[];
  readonly pendingPostId: string;
  readonly wantsPriority: boolean;
}

/**
 * Makes a post, once per pending_post_id within 30 s: a repeat gives the first post back, a second one at the
 * same time is refused with 500 (recorded: 25 to 28). `beforeEffect` runs between the two.
 */
export async function createPost(
  world: World,
  user: User,
  request: PostRequest,
  beforeEffect: () => Promise<void>,
): Promise<Record<string, unknown>> {
  const { store } = world;
  if (!canPost(store, user, request.channelId)) throw forbidden();
  if (request.wantsPriority) throw featureUnavailable();
  const seen = store.dedupe.begin(request.pendingPostId);
  if (seen.kind === 'pending') throw sameRequestPending();
  if (seen.kind === 'known') {
    const first = store.posts.get(seen.postId);
    if (!first) throw firstPostGone();
    return renderPost(store, first, { withMetadata: false });
  }
  let made: string | undefined;
  try {
    await beforeEffect();
    const post = writePost(world, user, request);
    made = post.id;
    return renderPost(store, post, { pendingPostId: request.pendingPostId });
  } finally {
    store.dedupe.end(request.pendingPostId, made);
  }
}

/** Refuses a message over the limit (recorded: 11). */
export function checkMessageLength(message: string): void {
  if ([...message].length <= MAX_MESSAGE_RUNES) return;
  throw new ApiError(
    400,
    'model.post.is_valid.message_length.app_error',
    'Post Message property is longer than the maximum permitted length.',
  );
}

function writePost(world: World, user: User, request: PostRequest): Post {
  const { store } = world;
  const channel = store.channels.get(request.channelId);
  if (!channel) throw forbidden();
  checkRoot(world, request, channel);
  checkMessageLength(request.message);
  const now = world.clock.now();
  const id = newMattermostId();
  const fileIds = store.files.attach(request.fileIds, id, user.id);
  // All files refused: the server says null and touches the post again (recorded: 68).
  const allRefused = request.fileIds.length > 0 && fileIds.length === 0;
  const post: Post = {
    id,
    create_at: now,
    update_at: now,
    edit_at: 0,
    delete_at: 0,
    is_pinned: false,
    user_id: user.id,
    channel_id: channel.id,
    root_id: request.rootId,
    original_id: '',
    message: request.message,
    type: '',
    hasRemoteId: true,
    props: withActionIds(user.isBot ? { ...request.props, from_bot: 'true' } : request.props),
    file_ids: allRefused ? null : fileIds,
  };
  publishPost(world, post, channel, request.pendingPostId);
  return post;
}

/** The root must be a root post of the same channel (recorded: 15 to 17). */
function checkRoot(world: World, request: PostRequest, channel: Channel): void {
  if (request.rootId === '') return;
  const root = world.store.posts.get(request.rootId);
  if (root?.root_id !== '') {
    throw new ApiError(400, 'api.post.create_post.root_id.app_error', 'Invalid RootId parameter.');
  }
  if (root.channel_id !== channel.id) {
    throw new ApiError(
      400,
      'api.post.create_post.channel_root_id.app_error',
      'Invalid ChannelId for RootId parameter.',
    );
  }
}

function featureUnavailable(): ApiError {
  return new ApiError(
    501,
    'license_error.feature_unavailable',
    'Feature is not available for the current license',
  );
}

function sameRequestPending(): ApiError {
  return new ApiError(
    500,
    'api.post.deduplicate_create_post.pending',
    'Rejected post since another client is making the same request.',
  );
}

function firstPostGone(): ApiError {
  return new ApiError(
    500,
    'api.post.deduplicate_create_post.failed_to_get',
    'Failed to fetch original post after deduplicating a client repeating the same request.',
  );
}

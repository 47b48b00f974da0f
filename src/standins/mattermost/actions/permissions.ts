import { badUrlParam, channelNotFound, forbidden, postNotFound } from '../errors.ts';
import { isMattermostId } from '../ids.ts';
import type { Channel, Post, User } from '../model.ts';
import type { Store } from '../store.ts';

/** Members may write; system admins write everywhere. */
export function canPost(store: Store, user: User, channelId: string): boolean {
  if (!store.channels.get(channelId)) return false;
  return store.channels.isMember(channelId, user.id) || store.users.isSystemAdmin(user);
}

/** Members may read, and a public channel is open to its whole team (SessionHasPermissionToReadChannel). */
export function canRead(store: Store, user: User, channelId: string): boolean {
  const channel = store.channels.get(channelId);
  if (!channel) return false;
  if (canPost(store, user, channelId)) return true;
  return channel.type === 'O' && store.channels.isInTeam(channel.team_id, user.id);
}

/** The channel, if the id is well formed, known and readable; otherwise 400, 404 or 403. */
export function readableChannel(store: Store, user: User, channelId: string): Channel {
  if (!isMattermostId(channelId)) throw badUrlParam('channel_id');
  const channel = store.channels.get(channelId);
  if (!channel) throw channelNotFound();
  if (!canRead(store, user, channelId)) throw forbidden();
  return channel;
}

/** The post, if the id is well formed, known, not deleted and readable; otherwise 400, 404 or 403. */
export function readablePost(store: Store, user: User, postId: string): Post {
  if (!isMattermostId(postId)) throw badUrlParam('post_id');
  const post = store.posts.get(postId);
  if (!post) throw postNotFound();
  if (!canRead(store, user, post.channel_id)) throw forbidden();
  return post;
}

/** The post, if this user may edit or delete it: its author or a system admin; otherwise 400 or 403. */
export function ownedPost(store: Store, user: User, postId: string): Post {
  if (!isMattermostId(postId)) throw badUrlParam('post_id');
  const post = store.posts.get(postId);
  if (!post || !canRead(store, user, post.channel_id)) throw forbidden();
  if (post.user_id !== user.id && !store.users.isSystemAdmin(user)) throw forbidden();
  return post;
}

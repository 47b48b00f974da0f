import type { Post, Props, User } from '../model.ts';
import { renderPost } from '../render.ts';
import type { World } from '../world.ts';
import { withActionIds } from './attachments.ts';
import { checkMessageLength } from './create-post.ts';

export interface PostChange {
  readonly message?: string;
  /** Replaces all props, from_bot too (recorded: 20 and 21; facts §3.4). */
  readonly props?: Props;
  readonly isPinned?: boolean;
}

/** Changes a post: the old one stays as a history row, the channel sees post_edited, nobody is notified. */
export function editPost(world: World, post: Post, change: PostChange): Record<string, unknown> {
  const { store, clock } = world;
  if (change.message !== undefined) checkMessageLength(change.message);
  const now = clock.now();
  store.posts.addHistory(post, now);
  // Only a new text counts as an edit: a change of props leaves edit_at as it was (recorded: 20).
  if (change.message !== undefined && change.message !== post.message) {
    post.message = change.message;
    post.edit_at = now;
  }
  if (change.props !== undefined) post.props = withActionIds(change.props);
  if (change.isPinned !== undefined) post.is_pinned = change.isPinned;
  post.update_at = now;
  const shown = renderPost(store, post);
  world.events.publish({
    event: 'post_edited',
    data: { post: JSON.stringify(shown) },
    target: { channelId: post.channel_id },
  });
  return shown;
}

/** Deletes a post, with its replies; the event shows it as it was (recorded: "zeus deletes"). */
export function deletePost(world: World, user: User, post: Post): void {
  const { store } = world;
  const shown = renderPost(store, post, { countReplies: false, withMetadata: false });
  store.posts.remove(post, user.id, world.clock.now());
  world.events.publish({
    event: 'post_deleted',
    data: { post: JSON.stringify(shown) },
    target: { channelId: post.channel_id, sanitized: true },
  });
}

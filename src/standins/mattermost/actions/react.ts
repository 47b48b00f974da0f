import { isSystemEmoji } from '../emoji.ts';
import { ApiError } from '../errors.ts';
import type { Post, Reaction } from '../model.ts';
import type { World } from '../world.ts';

/** Adds a reaction; a repeat is fine and is told again. The post counts as changed (recorded: "zeus deletes"). */
export function react(world: World, userId: string, post: Post, emojiName: string): Reaction {
  if (!isSystemEmoji(emojiName)) {
    throw new ApiError(404, 'app.emoji.get_by_name.no_result', 'We couldn’t find the emoji.');
  }
  const now = world.clock.now();
  const reaction: Reaction = {
    user_id: userId,
    post_id: post.id,
    emoji_name: emojiName,
    create_at: now,
    update_at: now,
    delete_at: 0,
    remote_id: '',
    channel_id: post.channel_id,
  };
  world.store.posts.addReaction(reaction);
  post.update_at = now;
  publish(world, 'reaction_added', reaction, post.channel_id);
  return reaction;
}

/** Takes a reaction back; one that is not there is fine. The event's channel_id is empty (facts §3.6). */
export function unreact(world: World, userId: string, post: Post, emojiName: string): void {
  const now = world.clock.now();
  const reaction: Reaction = {
    user_id: userId,
    post_id: post.id,
    emoji_name: emojiName,
    create_at: 0,
    update_at: now,
    delete_at: 0,
    remote_id: '',
    channel_id: '',
  };
  world.store.posts.removeReaction(reaction);
  post.update_at = now;
  publish(world, 'reaction_removed', reaction, post.channel_id);
}

function publish(world: World, event: string, reaction: Reaction, channelId: string): void {
  world.events.publish({ event, data: { reaction: JSON.stringify(reaction) }, target: { channelId } });
}

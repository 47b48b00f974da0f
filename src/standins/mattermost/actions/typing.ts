import type { World } from '../world.ts';

/** Tells a channel that somebody types; the author is left out (recorded: broadcast.omit_users). */
export function publishTyping(world: World, userId: string, channelId: string, parentId: string): void {
  if (!world.store.channels.isMember(channelId, userId)) return;
  world.events.publish({
    event: 'typing',
    data: { parent_id: parentId, user_id: userId },
    target: { channelId, omitUsers: [userId] },
  });
}

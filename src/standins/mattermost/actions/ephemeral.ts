import { newMattermostId } from '../ids.ts';
import type { User } from '../model.ts';
import type { World } from '../world.ts';

/** Shows a post to one user only; nothing is stored (recorded: 45 and "ephemeral to zeus by admin"). */
export function postEphemeral(
  world: World,
  author: Pick<User, 'id'>,
  given: { receiverId: string; channelId: string; message: string; rootId?: string },
): Record<string, unknown> {
  const post = {
    id: newMattermostId(),
    create_at: world.clock.now(),
    update_at: 0,
    edit_at: 0,
    delete_at: 0,
    is_pinned: false,
    user_id: author.id,
    channel_id: given.channelId,
    root_id: given.rootId ?? '',
    original_id: '',
    message: given.message,
    type: 'system_ephemeral',
    props: {},
    hashtags: '',
    file_ids: null,
    pending_post_id: '',
    reply_count: 0,
    last_reply_at: 0,
    participants: null,
    metadata: {},
  };
  world.events.publish({
    event: 'ephemeral_message',
    data: { post: JSON.stringify(post) },
    target: { userId: given.receiverId, channelId: given.channelId },
  });
  return post;
}

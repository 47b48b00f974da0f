import { mentionedUsers, namedUsers } from '../mentions.ts';
import type { Channel, Post, User } from '../model.ts';
import { eventChannelName, renderPost, renderUser } from '../render.ts';
import type { World } from '../world.ts';

/** Stores a new post and tells the channel and the thread's followers about it, in that order. */
export function publishPost(world: World, post: Post, channel: Channel, pendingPostId = ''): void {
  const { store } = world;
  store.posts.add(post);
  store.channels.notePost(post);
  const members = memberUsers(world, channel.id);
  const mentioned = mentionedUsers({
    post,
    channel,
    members,
    isOnline: (userId) => store.statuses.get(userId).status === 'online',
  });
  for (const userId of mentioned) {
    const membership = store.channels.member(channel.id, userId);
    if (membership) membership.mentionCount += 1;
  }
  const changes = post.root_id === '' ? [] : updateThread(world, post, members, mentioned);
  const following = new Set(changes.map((change) => change.userId));
  following.delete(post.user_id);

  const sender = store.users.get(post.user_id);
  world.events.publish({
    event: 'posted',
    data: {
      channel_display_name: eventChannelName(store, channel, post.user_id),
      channel_name: channel.name,
      channel_type: channel.type,
      ...(post.file_ids && post.file_ids.length > 0 ? { otherFile: 'true' } : {}),
      post: JSON.stringify(renderPost(store, post, { pendingPostId })),
      sender_name: post.type === '' ? `@${sender?.username ?? ''}` : 'System',
      set_online: true,
      team_id: channel.team_id,
    },
    // Each receiver is told about itself only (recorded; facts §3.6).
    dataFor: (userId) => ({
      ...(following.has(userId) ? { followers: JSON.stringify([userId]) } : {}),
      ...(mentioned.has(userId) ? { mentions: JSON.stringify([userId]) } : {}),
    }),
    target: { channelId: channel.id },
  });
  for (const change of changes) publishThread(world, post.root_id, channel, change);
}

/** The accounts that are in a channel. */
function memberUsers(world: World, channelId: string): User[] {
  const { channels, users } = world.store;
  return channels.members(channelId).flatMap((member) => users.get(member.userId) ?? []);
}

type ThreadChange = ReturnType<World['store']['threads']['reply']>[number];

/** A reply makes its author, the root's author and everybody named in either follow the thread (notification.go). */
function updateThread(
  world: World,
  post: Post,
  members: readonly User[],
  mentioned: ReadonlySet<string>,
): ThreadChange[] {
  const root = world.store.posts.get(post.root_id);
  if (!root) return [];
  root.update_at = post.create_at;
  const isMember = (userId: string): boolean => members.some((user) => user.id === userId);
  const joining = new Set([
    ...[post.user_id, root.user_id].filter(isMember),
    ...namedUsers(root.message, members),
    ...mentioned,
  ]);
  return world.store.threads.reply({
    rootId: root.id,
    authorId: post.user_id,
    joining,
    mentioned,
    now: post.create_at,
  });
}

function publishThread(world: World, rootId: string, channel: Channel, change: ThreadChange): void {
  const { store } = world;
  const root = store.posts.get(rootId);
  if (!root) return;
  const replies = store.posts.replies(rootId);
  const thread = {
    id: rootId,
    reply_count: replies.length,
    last_reply_at: replies.at(-1)?.create_at ?? 0,
    last_viewed_at: change.membership.lastViewedAt,
    participants: store.threads
      .participants(rootId)
      .flatMap((id) => store.users.get(id) ?? [])
      .map(renderUser),
    post: renderPost(store, root, { countReplies: false, withMetadata: false }),
    unread_replies: change.membership.unreadReplies,
    unread_mentions: change.membership.unreadMentions,
    is_urgent: false,
    delete_at: 0,
  };
  world.events.publish({
    event: 'thread_updated',
    data: {
      previous_unread_mentions: change.previousMentions,
      previous_unread_replies: change.previousReplies,
      thread: JSON.stringify(thread),
    },
    target: { userId: change.userId, teamId: channel.team_id },
  });
}

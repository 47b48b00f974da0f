import { createHash } from 'node:crypto';
import { newMattermostId } from '../ids.ts';
import type { Channel, Membership, Post, Props, User } from '../model.ts';
import type { World } from '../world.ts';
import { publishPost } from './publish-post.ts';

/** Puts a user into a channel and says so: user_added to both sides, then a system post. Twice is once. */
export function addToChannel(world: World, channel: Channel, user: User, by: User): Membership {
  const { store, events } = world;
  const known = store.channels.member(channel.id, user.id);
  if (known) return known;
  const membership = store.channels.addMember(channel.id, user.id);
  const data = { team_id: channel.team_id, user_id: user.id };
  events.publish({ event: 'user_added', data, target: { channelId: channel.id, omitUsers: [user.id] } });
  events.publish({ event: 'user_added', data, target: { channelId: channel.id, userId: user.id } });
  if (by.id === user.id) {
    systemPost(world, channel, by, 'system_join_channel', `${user.username} joined the channel.`, {
      username: user.username,
    });
  } else {
    systemPost(
      world,
      channel,
      by,
      'system_add_to_channel',
      `${user.username} added to the channel by ${by.username}.`,
      {
        addedUserId: user.id,
        addedUsername: user.username,
        userId: by.id,
        username: by.username,
      },
    );
  }
  return membership;
}

/** Takes a user out of a channel: user_removed to both sides, then a system post for those who stay. */
export function removeFromChannel(world: World, channel: Channel, user: User, by: User): void {
  const { store, events } = world;
  if (!store.channels.removeMember(channel.id, user.id)) return;
  events.publish({
    event: 'user_removed',
    data: { user_id: user.id, remover_id: by.id },
    target: { channelId: channel.id },
  });
  // The removed user learns which channel from data, not from broadcast (recorded).
  events.publish({
    event: 'user_removed',
    data: { channel_id: channel.id, remover_id: by.id },
    target: { userId: user.id },
  });
  if (by.id === user.id) {
    systemPost(world, channel, by, 'system_leave_channel', `${user.username} left the channel.`, {
      username: user.username,
    });
  } else {
    systemPost(
      world,
      channel,
      by,
      'system_remove_from_channel',
      `${user.username} was removed from the channel.`,
      {
        removedUserId: user.id,
        removedUsername: user.username,
      },
    );
  }
}

/** Makes a team channel with its creator in it; the join post does not count as a message (recorded: 47 and 54). */
export function createTeamChannel(
  world: World,
  creator: User,
  given: {
    teamId: string;
    type: 'O' | 'P';
    name: string;
    displayName: string;
    header: string;
    purpose: string;
  },
): Channel {
  const { store, events } = world;
  const channel = store.channels.add({ ...given, creatorId: creator.id });
  const asCreated = { ...channel };
  store.channels.addMember(channel.id, creator.id, true);
  systemPost(world, channel, creator, 'system_join_channel', `${creator.username} joined the channel.`, {
    username: creator.username,
  });
  events.publish({
    event: 'channel_created',
    data: { channel_id: channel.id, team_id: channel.team_id },
    target: { userId: creator.id },
  });
  return asCreated;
}

/** Finds or makes the direct (two) or group (three to eight) channel of these users. */
export function openPrivateChannel(world: World, users: readonly User[], creator: User): Channel {
  const { store, events } = world;
  const isDirect = users.length <= 2;
  const ids = users.map((user) => user.id).sort();
  const name = isDirect ? directName(ids) : createHash('sha1').update(ids.join('')).digest('hex');
  const known = store.channels.named('', name);
  if (known) return known;
  const channel = store.channels.add({
    teamId: '',
    type: isDirect ? 'D' : 'G',
    name,
    displayName: isDirect
      ? ''
      : users
          .map((user) => user.username)
          .sort()
          .join(', '),
    creatorId: isDirect ? creator.id : '',
  });
  for (const user of users) store.channels.addMember(channel.id, user.id);
  const others = ids.filter((id) => id !== creator.id);
  events.publish({
    event: isDirect ? 'direct_added' : 'group_added',
    data: isDirect
      ? { creator_id: creator.id, teammate_id: others[0] ?? creator.id }
      : { teammate_ids: JSON.stringify(ids) },
    target: { channelId: channel.id },
  });
  return channel;
}

function directName(ids: readonly string[]): string {
  const [first = '', second = first] = ids;
  return `${first}__${second}`;
}

/** System posts have no remote_id key (recorded: "added to new channel"). */
function systemPost(
  world: World,
  channel: Channel,
  by: User,
  type: string,
  message: string,
  props: Props,
): void {
  const now = world.clock.now();
  const post: Post = {
    id: newMattermostId(),
    create_at: now,
    update_at: now,
    edit_at: 0,
    delete_at: 0,
    is_pinned: false,
    user_id: by.id,
    channel_id: channel.id,
    root_id: '',
    original_id: '',
    message,
    type,
    hasRemoteId: false,
    props,
    file_ids: [],
  };
  publishPost(world, post, channel);
}

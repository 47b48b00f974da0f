import { objectsOf } from './json.ts';
import type { Channel, Membership, Post, StoredFile, Team, Token, User } from './model.ts';
import type { Store } from './store.ts';

const TIMEZONE = { automaticTimezone: '', manualTimezone: '', useAutomaticTimezone: 'true' };

/** An account as others see it (recorded: 56, 57 and the participants of thread_updated). */
export function renderUser(user: User): Record<string, unknown> {
  return { ...commonFields(user), auth_data: '' };
}

/** An account as its owner sees it (recorded: 0). */
export function renderSelf(user: User): Record<string, unknown> {
  return {
    ...commonFields(user),
    email_verified: true,
    notify_props: {
      channel: 'true',
      comments: 'never',
      desktop: 'mention',
      desktop_sound: 'true',
      desktop_threads: 'all',
      email: 'true',
      email_threads: 'all',
      first_name: 'false',
      mention_keys: '',
      push: 'mention',
      push_status: 'online',
      push_threads: 'all',
    },
    last_password_update: user.createAt,
  };
}

/** The bot behind an account (recorded: 113). */
export function renderBot(user: User): Record<string, unknown> {
  return {
    user_id: user.id,
    username: user.username,
    display_name: user.firstName,
    description: user.botDescription,
    owner_id: user.botOwnerId,
    create_at: user.createAt,
    update_at: user.createAt,
    delete_at: user.deleteAt,
  };
}

/** A token without its text (recorded: 115). */
export function renderToken(token: Token): Record<string, unknown> {
  return {
    id: token.id,
    user_id: token.userId,
    description: token.description,
    is_active: token.isActive,
  };
}

/** A team (recorded: 55). */
export function renderTeam(team: Team): Record<string, unknown> {
  return {
    ...team,
    delete_at: 0,
    description: '',
    email: '',
    type: 'O',
    company_name: '',
    allowed_domains: '',
    allow_open_invite: true,
    scheme_id: null,
    group_constrained: null,
    policy_id: null,
    cloud_limits_archived: false,
  };
}

/** A membership (recorded: 50 and 107). */
export function renderMembership(membership: Membership): Record<string, unknown> {
  return {
    channel_id: membership.channelId,
    user_id: membership.userId,
    roles: membership.isAdmin ? 'channel_user channel_admin' : 'channel_user',
    last_viewed_at: membership.lastViewedAt,
    msg_count: membership.msgCount,
    mention_count: membership.mentionCount,
    mention_count_root: membership.mentionCount,
    urgent_mention_count: 0,
    msg_count_root: membership.msgCount,
    notify_props: {
      channel_auto_follow_threads: 'off',
      desktop: 'default',
      email: 'default',
      ignore_channel_mentions: 'default',
      mark_unread: 'all',
      push: 'default',
    },
    last_update_at: membership.joinedAt,
    scheme_guest: false,
    scheme_user: true,
    scheme_admin: membership.isAdmin,
    explicit_roles: '',
  };
}

/** What the posted event and DM lists call a channel (recorded: the DM is "@human", the GM its members). */
export function eventChannelName(store: Store, channel: Channel, senderId: string): string {
  if (channel.type !== 'D') return channel.display_name;
  return `@${store.users.get(senderId)?.username ?? ''}`;
}

/** An uploaded file (recorded: 66 and 67). */
export function renderFile(file: StoredFile): Record<string, unknown> {
  return {
    id: file.id,
    user_id: file.userId,
    ...(file.postId === '' ? {} : { post_id: file.postId }),
    channel_id: file.channelId,
    create_at: file.createAt,
    update_at: file.createAt,
    delete_at: 0,
    name: file.name,
    extension: file.name.includes('.') ? file.name.slice(file.name.lastIndexOf('.') + 1) : '',
    size: file.declaredSize ?? file.content.length,
    mime_type: file.mimeType,
    mini_preview: null,
    remote_id: '',
    archived: false,
  };
}

export interface PostView {
  readonly pendingPostId?: string;
  /** Lists by `since` say 0 for every post (recorded: 24). */
  readonly countReplies?: boolean;
  /** The answer to a repeated pending_post_id and a deleted post's event carry no metadata (recorded: 26). */
  readonly withMetadata?: boolean;
}

/** A post; a deleted one without its text (recorded: 24, post_metadata.go). */
export function renderPost(store: Store, post: Post, view: PostView = {}): Record<string, unknown> {
  const isGone = post.delete_at !== 0;
  const { hasRemoteId, ...fields } = post;
  const hasReactions = !isGone && store.posts.reactions(post.id).length > 0;
  return {
    ...fields,
    message: isGone ? '' : post.message,
    props: isGone ? post.props : withoutIntegrations(post.props),
    hashtags: hashtagsIn(post.message),
    pending_post_id: view.pendingPostId ?? '',
    ...(hasRemoteId ? { remote_id: '' } : {}),
    reply_count: view.countReplies === false ? 0 : store.posts.replies(post.root_id || post.id).length,
    last_reply_at: 0,
    participants: null,
    ...(hasReactions ? { has_reactions: true } : {}),
    ...(view.withMetadata === false ? {} : { metadata: isGone ? {} : metadataOf(store, post) }),
  };
}

/** Where a button leads is never shown, not even to its author (facts §3.7). */
function withoutIntegrations(props: Post['props']): Post['props'] {
  if (!Array.isArray(props['attachments'])) return props;
  const shown = objectsOf(props['attachments']).map((attachment) => {
    if (!('actions' in attachment)) return attachment;
    const actions = objectsOf(attachment['actions']).map(({ integration: _hidden, ...rest }) => rest);
    return { ...attachment, actions };
  });
  return { ...props, attachments: shown };
}

function metadataOf(store: Store, post: Post): Record<string, unknown> {
  const files = store.files.ofPost(post.id);
  const reactions = store.posts.reactions(post.id);
  const hasAttachments = Array.isArray(post.props['attachments']);
  return {
    ...(hasAttachments ? { embeds: [{ type: 'message_attachment' }] } : {}),
    ...(files.length > 0 ? { files: files.map(renderFile) } : {}),
    ...(reactions.length > 0 ? { reactions } : {}),
  };
}

function hashtagsIn(message: string): string {
  return [...message.matchAll(/(?:^|\s)(#\p{L}[\p{L}\p{N}_.-]{1,}[\p{L}\p{N}])/gu)]
    .map(([, tag]) => tag)
    .join(' ');
}

function commonFields(user: User): Record<string, unknown> {
  return {
    id: user.id,
    create_at: user.createAt,
    update_at: user.updateAt,
    delete_at: user.deleteAt,
    username: user.username,
    auth_service: '',
    email: user.email,
    nickname: '',
    first_name: user.firstName,
    last_name: '',
    position: '',
    roles: user.roles,
    ...(Object.keys(user.props).length > 0 ? { props: user.props } : {}),
    locale: 'en',
    timezone: TIMEZONE,
    ...(user.hasRemoteId ? { remote_id: '' } : {}),
    ...(user.isBot ? { is_bot: true } : {}),
    ...(user.botDescription === '' ? {} : { bot_description: user.botDescription }),
    disable_welcome_email: false,
  };
}

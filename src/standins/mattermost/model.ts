/** What a post's `props` and `metadata` hold. */
export type Props = Readonly<Record<string, unknown>>;

/** An account, human or bot. */
export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly isBot: boolean;
  readonly createAt: number;
  /** Accounts made by POST /bots have no remote_id key; converted and human ones have an empty one (recorded). */
  readonly hasRemoteId: boolean;
  updateAt: number;
  deleteAt: number;
  firstName: string;
  roles: string;
  password: string | undefined;
  props: Readonly<Record<string, string>>;
  botDescription: string;
  botOwnerId: string;
}

/** A way in: a login session or a personal access token. */
export interface Token {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly description: string;
  readonly kind: 'session' | 'personal';
  isActive: boolean;
}

/** A team, as it goes over the wire. */
export interface Team {
  readonly id: string;
  readonly name: string;
  readonly create_at: number;
  readonly update_at: number;
  readonly display_name: string;
  readonly invite_id: string;
}

export type ChannelType = 'O' | 'P' | 'D' | 'G';

/** A channel, as it goes over the wire. */
export interface Channel {
  readonly id: string;
  readonly create_at: number;
  readonly update_at: number;
  readonly delete_at: number;
  readonly team_id: string;
  readonly type: ChannelType;
  readonly display_name: string;
  readonly name: string;
  readonly header: string;
  readonly purpose: string;
  last_post_at: number;
  total_msg_count: number;
  readonly extra_update_at: number;
  readonly creator_id: string;
  readonly scheme_id: null;
  readonly props: null;
  readonly group_constrained: null;
  /** null until the shared-channel question was asked; direct and group channels say false (recorded). */
  readonly shared: boolean | null;
  total_msg_count_root: number;
  readonly policy_id: null;
  last_root_post_at: number;
  readonly banner_info: null;
  readonly policy_enforced: boolean;
  readonly default_category_name: string;
}

/** One user's place in one channel. */
export interface Membership {
  readonly channelId: string;
  readonly userId: string;
  readonly isAdmin: boolean;
  readonly joinedAt: number;
  lastViewedAt: number;
  msgCount: number;
  mentionCount: number;
}

/** A post as the database has it; `renderPost` says how it is shown. */
export interface Post {
  readonly id: string;
  readonly create_at: number;
  readonly user_id: string;
  readonly channel_id: string;
  readonly root_id: string;
  readonly original_id: string;
  readonly type: string;
  readonly hasRemoteId: boolean;
  update_at: number;
  edit_at: number;
  delete_at: number;
  is_pinned: boolean;
  message: string;
  props: Props;
  file_ids: readonly string[] | null;
}

/** A reaction, as it goes over the wire. */
export interface Reaction {
  readonly user_id: string;
  readonly post_id: string;
  readonly emoji_name: string;
  readonly create_at: number;
  readonly update_at: number;
  readonly delete_at: number;
  readonly remote_id: '';
  readonly channel_id: string;
}

export type StatusName = 'online' | 'away' | 'dnd' | 'offline';

/** Presence of one user, as it goes over the wire. */
export interface Status {
  readonly user_id: string;
  readonly status: StatusName;
  readonly manual: boolean;
  readonly last_activity_at: number;
  readonly dnd_end_time: number;
}

/** An uploaded file. */
export interface StoredFile {
  readonly id: string;
  readonly userId: string;
  readonly channelId: string;
  readonly createAt: number;
  readonly name: string;
  readonly mimeType: string;
  readonly content: Buffer;
  /** What is said of its size where that is not what it has. */
  declaredSize?: number;
  postId: string;
}

import type { Clock } from '#lib/clock.ts';
import { newMattermostId } from '../ids.ts';
import type { Channel, ChannelType, Membership, Post, Team } from '../model.ts';
import type { Tables } from './tables.ts';

export interface NewChannel {
  readonly teamId: string;
  readonly type: ChannelType;
  readonly name: string;
  readonly displayName: string;
  readonly creatorId: string;
  readonly header?: string;
  readonly purpose?: string;
}

/** Teams, channels and who is in them. */
export class ChannelStore {
  readonly #clock: Clock;
  readonly #teams: Map<string, Team>;
  readonly #teamMembers: Map<string, Set<string>>;
  readonly #channels: Map<string, Channel>;
  readonly #members: Map<string, Map<string, Membership>>;

  constructor(clock: Clock, tables: Tables) {
    this.#clock = clock;
    this.#teams = tables.table('teams');
    this.#teamMembers = tables.table('team members');
    this.#channels = tables.table('channels');
    this.#members = tables.table('channel members');
  }

  addTeam(name: string, displayName: string): Team {
    const now = this.#clock.now();
    const team: Team = {
      id: newMattermostId(),
      name,
      create_at: now,
      update_at: now,
      display_name: displayName,
      invite_id: newMattermostId(),
    };
    this.#teams.set(team.id, team);
    this.#teamMembers.set(team.id, new Set());
    return team;
  }

  teams(): Team[] {
    return [...this.#teams.values()];
  }

  team(id: string): Team | undefined {
    return this.#teams.get(id);
  }

  teamNamed(name: string): Team | undefined {
    return this.teams().find((team) => team.name === name);
  }

  joinTeam(teamId: string, userId: string): void {
    this.#teamMembers.get(teamId)?.add(userId);
  }

  isInTeam(teamId: string, userId: string): boolean {
    return this.#teamMembers.get(teamId)?.has(userId) ?? false;
  }

  add(given: NewChannel): Channel {
    const now = this.#clock.now();
    const isTeamChannel = given.type === 'O' || given.type === 'P';
    const channel: Channel = {
      id: newMattermostId(),
      create_at: now,
      update_at: now,
      delete_at: 0,
      team_id: given.teamId,
      type: given.type,
      display_name: given.displayName,
      name: given.name,
      header: given.header ?? '',
      purpose: given.purpose ?? '',
      last_post_at: 0,
      total_msg_count: 0,
      extra_update_at: 0,
      creator_id: given.creatorId,
      scheme_id: null,
      props: null,
      group_constrained: null,
      shared: isTeamChannel ? null : false,
      total_msg_count_root: 0,
      policy_id: null,
      last_root_post_at: 0,
      banner_info: null,
      policy_enforced: false,
      default_category_name: '',
    };
    this.#channels.set(channel.id, channel);
    this.#members.set(channel.id, new Map());
    return channel;
  }

  get(id: string): Channel | undefined {
    return this.#channels.get(id);
  }

  all(): Channel[] {
    return [...this.#channels.values()];
  }

  named(teamId: string, name: string): Channel | undefined {
    return this.all().find((channel) => channel.team_id === teamId && channel.name === name);
  }

  /** Adds the member, or gives back the membership that is there. */
  addMember(channelId: string, userId: string, isAdmin = false): Membership {
    const members = this.#members.get(channelId);
    const known = members?.get(userId);
    if (known) return known;
    const membership: Membership = {
      channelId,
      userId,
      isAdmin,
      joinedAt: this.#clock.now(),
      lastViewedAt: 0,
      msgCount: 0,
      mentionCount: 0,
    };
    members?.set(userId, membership);
    return membership;
  }

  removeMember(channelId: string, userId: string): boolean {
    return this.#members.get(channelId)?.delete(userId) ?? false;
  }

  member(channelId: string, userId: string): Membership | undefined {
    return this.#members.get(channelId)?.get(userId);
  }

  members(channelId: string): Membership[] {
    return [...(this.#members.get(channelId)?.values() ?? [])];
  }

  isMember(channelId: string, userId: string): boolean {
    return this.member(channelId, userId) !== undefined;
  }

  channelsOf(userId: string): Channel[] {
    return this.all().filter((channel) => this.isMember(channel.id, userId));
  }

  /** Counts a post; joins and leaves do not count as messages (recorded: total_msg_count stays 0). */
  notePost(post: Post): void {
    const channel = this.#channels.get(post.channel_id);
    if (!channel) return;
    channel.last_post_at = Math.max(channel.last_post_at, post.create_at);
    if (post.root_id === '') channel.last_root_post_at = Math.max(channel.last_root_post_at, post.create_at);
    if (post.type !== '') return;
    channel.total_msg_count += 1;
    if (post.root_id === '') channel.total_msg_count_root += 1;
  }
}

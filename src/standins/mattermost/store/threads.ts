import type { Tables } from './tables.ts';

/** What one follower has seen of a thread. */
export interface ThreadMembership {
  lastViewedAt: number;
  unreadReplies: number;
  unreadMentions: number;
}

/** One reply as it changes the thread for its followers. */
export interface ThreadReply {
  readonly rootId: string;
  readonly authorId: string;
  /** Who follows from now on, besides those who did: the author, the root's author, those mentioned. */
  readonly joining: Iterable<string>;
  readonly mentioned: ReadonlySet<string>;
  readonly now: number;
}

/** What a follower is told about a reply. */
export interface ThreadChange {
  readonly userId: string;
  readonly previousReplies: number;
  readonly previousMentions: number;
  readonly membership: Readonly<ThreadMembership>;
}

/** Who follows which thread, and how far each has read (ThreadAutoFollow, notification.go). */
export class ThreadStore {
  readonly #followers: Map<string, Map<string, ThreadMembership>>;
  readonly #participants: Map<string, string[]>;

  constructor(tables: Tables) {
    this.#followers = tables.table('followers');
    this.#participants = tables.table('participants');
  }

  followers(rootId: string): string[] {
    return [...(this.#followers.get(rootId)?.keys() ?? [])];
  }

  /** Authors of replies, the latest one last (recorded: thread_updated). */
  participants(rootId: string): readonly string[] {
    return this.#participants.get(rootId) ?? [];
  }

  reply(reply: ThreadReply): ThreadChange[] {
    const others = this.participants(reply.rootId).filter((id) => id !== reply.authorId);
    this.#participants.set(reply.rootId, [...others, reply.authorId]);
    const members = this.#followers.get(reply.rootId) ?? new Map<string, ThreadMembership>();
    this.#followers.set(reply.rootId, members);
    for (const userId of reply.joining) {
      if (!members.has(userId)) members.set(userId, { lastViewedAt: 0, unreadReplies: 0, unreadMentions: 0 });
    }
    return [...members].map(([userId, membership]) => {
      const before = { replies: membership.unreadReplies, mentions: membership.unreadMentions };
      if (userId === reply.authorId) {
        membership.unreadReplies = 0;
        membership.unreadMentions = 0;
        membership.lastViewedAt = reply.now;
      } else {
        membership.unreadReplies += 1;
        if (reply.mentioned.has(userId)) membership.unreadMentions += 1;
      }
      return {
        userId,
        previousReplies: before.replies,
        previousMentions: before.mentions,
        membership: { ...membership },
      };
    });
  }
}

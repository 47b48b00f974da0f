import { newMattermostId } from '../ids.ts';
import type { Post, Reaction } from '../model.ts';
import type { Tables } from './tables.ts';

/** Posts, their edit history and the reactions on them, in the order they were written. */
export class PostStore {
  readonly #posts: Map<string, Post>;
  readonly #byChannel: Map<string, Post[]>;
  readonly #replies: Map<string, Post[]>;
  readonly #reactions: Map<string, Reaction[]>;

  constructor(tables: Tables) {
    this.#posts = tables.table('posts');
    this.#byChannel = tables.table('posts of channels');
    this.#replies = tables.table('replies');
    this.#reactions = tables.table('reactions');
  }

  add(post: Post): void {
    this.#posts.set(post.id, post);
    append(this.#byChannel, post.channel_id, post);
    if (post.root_id !== '') append(this.#replies, post.root_id, post);
  }

  /** Keeps the post as it was: an edit leaves a deleted row that names the original (recorded: 24). */
  addHistory(post: Post, now: number): void {
    const row: Post = {
      ...post,
      id: newMattermostId(),
      original_id: post.id,
      update_at: now,
      delete_at: now,
    };
    this.#posts.set(row.id, row);
    append(this.#byChannel, row.channel_id, row);
  }

  /** A post that is there for its readers: not deleted, not history. */
  get(id: string): Post | undefined {
    const post = this.#posts.get(id);
    return post && post.delete_at === 0 ? post : undefined;
  }

  /** Marks the post and, for a root, its replies as deleted (post_store.go: Delete). */
  remove(post: Post, deletedBy: string, now: number): void {
    for (const gone of [post, ...this.replies(post.id)]) {
      gone.delete_at = now;
      gone.update_at = now;
      gone.props = { ...gone.props, deleteBy: deletedBy };
    }
  }

  /** Replies that are still there, oldest first. */
  replies(rootId: string): Post[] {
    return (this.#replies.get(rootId) ?? []).filter((post) => post.delete_at === 0);
  }

  /** Posts of a channel that are still there, newest first. */
  newestFirst(channelId: string): Post[] {
    return (this.#byChannel.get(channelId) ?? [])
      .filter((post) => post.delete_at === 0)
      .sort((a, b) => a.create_at - b.create_at)
      .reverse();
  }

  /** Everything that changed after `since`: edits, deletions and history too, at most 1000 (facts §3.3). */
  changedSince(channelId: string, since: number): Post[] {
    const changed = (this.#byChannel.get(channelId) ?? [])
      .filter((post) => post.update_at > since)
      .slice(0, 1000);
    const roots = changed.flatMap((post) => this.#posts.get(post.root_id) ?? []);
    return [...new Set([...changed, ...roots])].sort((a, b) => a.create_at - b.create_at).reverse();
  }

  /** When something in the channel was last written, edited, removed or reacted to; 0 for an empty one. */
  lastChange(channelId: string): number {
    return (this.#byChannel.get(channelId) ?? []).reduce(
      (latest, post) => Math.max(latest, post.update_at),
      0,
    );
  }

  count(): number {
    return this.#posts.size;
  }

  reactions(postId: string): readonly Reaction[] {
    return this.#reactions.get(postId) ?? [];
  }

  /** A repeat keeps the first creation time and renews the update time (recorded: 31 and 34). */
  addReaction(reaction: Reaction): void {
    const rest = this.reactions(reaction.post_id).filter((known) => !isSameReaction(known, reaction));
    const known = this.reactions(reaction.post_id).find((candidate) => isSameReaction(candidate, reaction));
    const kept = known ? { ...reaction, create_at: known.create_at } : reaction;
    this.#reactions.set(reaction.post_id, [...rest, kept]);
  }

  removeReaction(reaction: Pick<Reaction, 'post_id' | 'user_id' | 'emoji_name'>): void {
    const rest = this.reactions(reaction.post_id).filter((known) => !isSameReaction(known, reaction));
    this.#reactions.set(reaction.post_id, rest);
  }
}

function append(lists: Map<string, Post[]>, key: string, post: Post): void {
  const list = lists.get(key);
  if (list) list.push(post);
  else lists.set(key, [post]);
}

function isSameReaction(
  a: Pick<Reaction, 'user_id' | 'emoji_name'>,
  b: Pick<Reaction, 'user_id' | 'emoji_name'>,
): boolean {
  return a.user_id === b.user_id && a.emoji_name === b.emoji_name;
}

import { commandText } from '#core/chat-command.ts';
import { mentionedNames } from './mentions.ts';
import { isFromWebhook, type Post, type User } from './posts.ts';

export interface ThreadOwnerOptions {
  /** The account of an author. */
  readonly author: (userId: string, signal: AbortSignal) => Promise<User>;
  /** The account of this name; undefined when nobody has it. */
  readonly named: (name: string, signal: AbortSignal) => Promise<User | undefined>;
}

/** For how long a thread stays with the agent that was mentioned in it last. */
const OWNED_MS = 7 * 24 * 3600 * 1000;

/**
 * The bot that people mentioned last in a thread, of what was written up to `until` (server time, Unix ms) and at most seven
 * days before; undefined when they mentioned none. What bots write changes nothing.
 */
export async function threadOwner(
  thread: readonly Post[],
  until: number,
  { author, named }: ThreadOwnerOptions,
  signal: AbortSignal,
): Promise<User | undefined> {
  for (const post of thread.toReversed()) {
    if (post.create_at > until) continue;
    if (until - post.create_at > OWNED_MS) return undefined;
    // What is for control, and what a machine says in somebody's name, is said to no agent.
    if (isFromWebhook(post) || commandText(post.message) !== undefined) continue;
    const names = mentionedNames(post.message);
    if (names.length === 0 || (await author(post.user_id, signal)).is_bot) continue;
    for (const name of names.toReversed()) {
      const user = await named(name, signal);
      if (user?.is_bot) return user;
    }
  }
  return undefined;
}

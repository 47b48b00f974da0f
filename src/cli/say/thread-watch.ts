import { type ChatSign, chatSigns, signOf } from '#core/chat-signs.ts';
import { OlympusError } from '#core/errors.ts';
import { isProgress, type Post, type User } from '#integrations/mattermost/posts.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';
import type { Clock } from '#lib/clock.ts';

export interface Reply {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  readonly at: string;
}

export interface ThreadWatch {
  readonly rest: MattermostRest;
  /** The post that asks. */
  readonly post: Post;
  readonly targets: readonly User[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onReply: (reply: Reply) => void;
  readonly onSign: (agent: string, sign: ChatSign) => void;
  /** Mattermost is away, or back. */
  readonly onReachable: (reachable: boolean) => void;
}

/** How each agent stands at the end: its last word, or undefined if it never gave one. */
export type Standing = ReadonlyMap<string, ChatSign | undefined>;

/** Asked often at first, when most happens, then about once a second. */
const EAGER_FOR_MS = 10_000;
const EAGER_EVERY_MS = 300;
const EVERY_MS = 1000;
/** Two servers of a cluster may write posts in another order than they dated them. */
const OVERLAP_MS = 5000;

/**
 * Follows a thread until every target has answered or given up, or until the time is over.
 *
 * INVARIANTS
 * - a reply is told once, and before the ✅ or ✗ that follows it: signs are read first, replies after;
 * - nothing is told before all of a round was read: a round that fails is read again as if it had not been;
 * - only signs of the targets count: anybody may put a ✅ on a post.
 */
export async function watchThread(watch: ThreadWatch): Promise<Standing> {
  const { targets, timeoutMs, clock, signal } = watch;
  const standing = new Map<string, ChatSign | undefined>(targets.map((user) => [user.username, undefined]));
  const replies = new Replies(watch);
  const startedAt = clock.now();
  let shown = new Set<string>();
  let reachable = true;

  while (true) {
    try {
      const signs = await readSigns(watch);
      const fresh = signs.filter((each) => !shown.has(keyOf(each)));
      const news = await replies.fresh();
      // A sign taken away and set again, such as that of a second attempt, is news again.
      shown = new Set(signs.map(keyOf));
      for (const { agent, sign } of fresh) if (!isLast(sign)) watch.onSign(agent, sign);
      for (const reply of news) watch.onReply(reply);
      for (const { agent, sign } of fresh) if (isLast(sign)) watch.onSign(agent, sign);
      for (const { agent, sign } of fresh) standing.set(agent, sign);
      if (!reachable) watch.onReachable(true);
      reachable = true;
    } catch (error) {
      if (!(error instanceof OlympusError) || error.code !== 'chat_unavailable') throw error;
      if (reachable) watch.onReachable(false);
      reachable = false;
    }
    const spentMs = clock.now() - startedAt;
    if ([...standing.values()].every(isLast) || spentMs >= timeoutMs) return standing;
    const pauseMs = spentMs < EAGER_FOR_MS ? EAGER_EVERY_MS : EVERY_MS;
    await clock.sleep(Math.min(pauseMs, timeoutMs - spentMs), signal);
    signal.throwIfAborted();
  }
}

/** True once an agent has nothing more to say. */
export function isLast(sign: ChatSign | undefined): boolean {
  return sign === 'done' || sign === 'failed';
}

interface AgentSign {
  readonly agent: string;
  readonly sign: ChatSign;
}

/** What the targets show on the asking post, in the order in which work goes. */
async function readSigns({ rest, post, targets, signal }: ThreadWatch): Promise<AgentSign[]> {
  const reactions = await rest.reactions(post.id, signal);
  const order = Object.keys(chatSigns);
  return reactions
    .flatMap(({ user_id, emoji_name }) => {
      const agent = targets.find((user) => user.id === user_id)?.username;
      const sign = signOf(emoji_name);
      return agent && sign ? [{ agent, sign }] : [];
    })
    .sort((a, b) => order.indexOf(a.sign) - order.indexOf(b.sign));
}

function keyOf({ agent, sign }: AgentSign): string {
  return `${agent} ${sign}`;
}

/** The posts of others in the thread since ours, each given out once. */
class Replies {
  readonly #watch: ThreadWatch;
  readonly #told = new Set<string>();
  readonly #names: Map<string, string>;
  #sinceMs: number;

  constructor(watch: ThreadWatch) {
    this.#watch = watch;
    this.#names = new Map(watch.targets.map((user) => [user.id, user.username]));
    this.#sinceMs = watch.post.create_at;
  }

  async fresh(): Promise<Reply[]> {
    const { rest, post, signal } = this.#watch;
    const rootId = post.root_id || post.id;
    // By channel and time: a list of the thread would begin at its oldest post, however long it is.
    const from = Math.max(post.create_at, this.#sinceMs - OVERLAP_MS);
    const { written: posts } = await rest.since(post.channel_id, from, signal);
    const replies: Reply[] = [];
    for (const each of posts) {
      if (each.root_id !== rootId || each.user_id === post.user_id || this.#told.has(each.id)) continue;
      // It is changed all the time, and no answer: the signs say that the agent is at work.
      if (isProgress(each)) continue;
      const author = await this.#nameOf(each.user_id);
      replies.push({ id: each.id, author, text: each.message, at: new Date(each.create_at).toISOString() });
    }
    for (const { id } of replies) this.#told.add(id);
    this.#sinceMs = Math.max(this.#sinceMs, ...posts.map((each) => each.create_at));
    return replies;
  }

  async #nameOf(userId: string): Promise<string> {
    const known = this.#names.get(userId);
    if (known) return known;
    const { username } = await this.#watch.rest.user(userId, this.#watch.signal);
    this.#names.set(userId, username);
    return username;
  }
}

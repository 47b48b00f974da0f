import { commandText } from '#core/chat-command.ts';
import type { Conversation } from '#core/conversation.ts';
import { messageOf, OlympusError } from '#core/errors.ts';
import type { Manifest } from '#core/manifest.ts';
import type { Subjects } from '#core/subjects.ts';
import type { MattermostChat } from '#integrations/mattermost/chat.ts';
import {
  isFromWebhook,
  marksOf,
  type Post,
  type Reaction,
  type User,
} from '#integrations/mattermost/posts.ts';
import type { PostedEvent } from '#integrations/mattermost/socket.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Journal } from '../journal/journal.ts';
import { Addressing } from './addressing.ts';
import { commandOfReaction, decides } from './card-reactions.ts';
import { passOn } from './chat-commands.ts';
import type { Lease } from './lease.ts';
import { conversationOf, recordRequest, recordRevision } from './requests.ts';
import { threadHistory } from './thread-history.ts';

export interface InboxOptions {
  readonly fleet: string;
  readonly manifest: Manifest;
  readonly subjects: Subjects;
  readonly serverName: string;
  readonly chat: MattermostChat;
  readonly journal: Journal;
  readonly lease: Pick<Lease, 'waiting'>;
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

type Item =
  | { readonly kind: 'post'; readonly event: PostedEvent }
  | { readonly kind: 'reaction'; readonly reaction: Reaction }
  | { readonly kind: 'revision'; readonly post: Post; readonly what: 'edited' | 'deleted' }
  | { readonly kind: 'gap' };

/** A channel that was never read before is read back this far: who asks while an agent is being set up gets an answer. */
const FIRST_LOOK_BACK_MS = 10 * 60_000;
const QUEUE_LIMIT = 1000;
const LEASE_POLL_MS = 1000;

/**
 * Turns posts addressed to this agent into requests: recorded first, then 👀, then the bus.
 *
 * INVARIANTS
 * - one item at a time, in order of arrival; an item that fails stays first, so a gap is closed before what came after it;
 * - a channel's cursor never passes a post that was not handled: after a crash the rest is read again;
 * - a post is known by its id: seen twice, it is one request.
 */
export class Inbox implements Part {
  readonly name = 'inbox';
  readonly #options: InboxOptions;
  readonly #loop: Loop;
  readonly #queue: Item[] = [];
  readonly #users = new Map<string, User>();
  readonly #addressing: Addressing;
  /** Why what came first is not taken yet. */
  #failing: string | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#addressing = new Addressing({
      manifest: options.manifest,
      rest: options.chat.rest,
      inModeSince: (channelId, mode, at) => options.journal.inbox.inModeSince(channelId, mode, at),
      wasAskedIn: (rootId, account) => options.journal.inbox.wasAskedIn(rootId, account),
      author: (userId, signal) => this.#author(userId, signal),
    });
    this.#loop = new Loop({
      clock: options.clock,
      round: (signal) => this.#round(signal),
      onError: (error) => {
        this.#failing = messageOf(error);
        options.log.warn({ err: error }, 'post not taken yet, trying again');
      },
      backoff: { baseMs: 200, capMs: 5000 },
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async quiesce(): Promise<void> {
    await this.#loop.stop();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    const live = this.#loop.live;
    if (this.#failing === undefined) return { live, ready: true };
    return { live, ready: false, reason: `does not get on with what it has heard: ${this.#failing}` };
  }

  posted(event: PostedEvent): void {
    this.#add({ kind: 'post', event });
  }

  /** A post was changed, or is gone. */
  revised(post: Post, what: 'edited' | 'deleted'): void {
    this.#add({ kind: 'revision', post, what });
  }

  /** Below a card of ours it may decide something. One that comes while nobody is connected is not heard. */
  reacted(reaction: Reaction): void {
    // Without a card there is nothing to ask the server about, however many people like a post.
    if (decides(reaction) && this.#options.journal.cards.anyOpen()) this.#add({ kind: 'reaction', reaction });
  }

  /** Events may be missing: read every channel from its cursor on. */
  gap(): void {
    this.#queue.push({ kind: 'gap' });
    this.#loop.wake();
  }

  #add(item: Item): void {
    if (this.#queue.length >= QUEUE_LIMIT) {
      // No post is lost: the cursor stands still, and closing the gap reads all of it again.
      this.#queue.length = 0;
      this.gap();
      return;
    }
    this.#queue.push(item);
    this.#loop.wake();
  }

  async #round(signal: AbortSignal): Promise<number> {
    const item = this.#queue[0];
    if (!item) return 60_000;
    // Another daemon takes them. Should it go, all since then is still here, or is read again.
    if (this.#options.lease.waiting) return LEASE_POLL_MS;
    if (item.kind === 'gap') await this.#closeGap(signal);
    else if (item.kind === 'revision') await this.#revise(item.post, item.what);
    else if (item.kind === 'post') await this.#takeOrSkip(item.event.post.id, this.#take(item.event, signal));
    else await this.#takeOrSkip(item.reaction.post_id, this.#takeReaction(item.reaction, signal));
    this.#failing = undefined;
    if (this.#queue[0] === item) this.#queue.shift();
    return 0;
  }

  async #closeGap(signal: AbortSignal): Promise<void> {
    const { chat, journal, clock, log } = this.#options;
    for (const channel of await chat.rest.channels(signal)) {
      const since = journal.inbox.readTo(channel.id) ?? clock.now() - FIRST_LOOK_BACK_MS;
      const { written, edited, deleted } = await chat.rest.since(channel.id, since, signal);
      const { type: channelType, name: channelName } = channel;
      journal.inbox.inModeSince(channel.id, this.#addressing.modeIn(channelName), clock.now());
      // Before what was written moves the cursor, past which nothing older is ever told again.
      for (const post of edited) await this.#revise(post, 'edited');
      for (const post of deleted) await this.#revise(post, 'deleted');
      for (const post of written)
        await this.#takeOrSkip(post.id, this.#take({ post, channelType, channelName }, signal));
      journal.inbox.advance(channel.id, written.at(-1)?.create_at ?? since);
      if (written.length > 0)
        log.debug({ channel: channel.name, posts: written.length }, 'channel read again');
    }
  }

  /** A post about which the server refuses to say more, for good, must not hold back those after it. */
  async #takeOrSkip(postId: string, taken: Promise<void>): Promise<void> {
    try {
      await taken;
    } catch (error) {
      if (!(error instanceof OlympusError) || error.code !== 'chat_refused') throw error;
      this.#options.log.error({ err: error, postId }, 'post cannot be taken, left out');
    }
  }

  async #take(event: PostedEvent, signal: AbortSignal): Promise<void> {
    const { post, channelType } = event;
    const { chat, journal, log } = this.#options;
    const me = chat.me;
    if (!me || post.user_id === me.id || post.type !== '' || post.original_id !== '' || post.delete_at > 0)
      return;
    // A channel we have just joined is read from its first post on, also when that is not for us.
    if (journal.inbox.readTo(post.channel_id) === undefined)
      journal.inbox.advance(post.channel_id, post.create_at);
    const author = await this.#author(post.user_id, signal);
    const conversation = conversationOf(post, channelType);
    const command = author.is_bot || isFromWebhook(post) ? undefined : commandText(post.message);
    if (command !== undefined) return this.#passOn(post, channelType, command, signal);
    // Read again after a gap: known before anything more is asked about it.
    if (journal.inbox.knows(post.id, me.username)) return;
    const target = await this.#addressing.target(event, author, me, signal);
    if (!target) {
      // Nothing waits for this: where it is lost, the post is looked at once more.
      journal
        .note(() => journal.inbox.advance(post.channel_id, post.create_at))
        .catch((error) => log.debug({ err: error }, 'cursor not moved'));
      return;
    }
    // A bot may set any depth on itself; control believes it of this fleet's bots only.
    const depth = author.is_bot ? (marksOf(post)?.depth ?? 0) + 1 : 0;
    const asking = author.is_bot ? author : await chat.rest.user(post.user_id, signal);
    const context =
      target === me.username ? await this.#historyFor(post, conversation, me, signal) : undefined;
    const channel = event.channelName;
    const asked = { post, target, conversation, channel, author: asking, depth, context };
    if (await recordRequest(this.#options, asked)) {
      log.info({ postId: post.id, target, requester: author.username }, 'message taken');
      this.#options.onAdded();
    }
  }

  /** What is for the control plane goes there from every agent that reads it; one shows that it was seen. */
  async #passOn(post: Post, channelType: string, text: string, signal: AbortSignal): Promise<void> {
    const { chat, manifest, onAdded } = this.#options;
    // As the server has them now: who was deactivated, or made a guest, a minute ago may do nothing any more.
    const requester = await chat.rest.user(post.user_id, signal);
    const conversation = conversationOf(post, channelType);
    const shows = channelType === 'D' || manifest.role === 'lead';
    const { id, create_at: saidAt } = post;
    await passOn(this.#options, { id, saidAt, conversation, requester, text, shows });
    onAdded();
  }

  async #revise(post: Post, what: 'edited' | 'deleted'): Promise<void> {
    const { log, onAdded } = this.#options;
    const requests = await recordRevision(this.#options, post, what);
    if (requests === 0) return;
    log.info({ postId: post.id, what, requests }, 'request revised');
    onAdded();
  }

  /** A thumb below a card of ours says what the button would. */
  async #takeReaction(reaction: Reaction, signal: AbortSignal): Promise<void> {
    const { chat, onAdded } = this.#options;
    const { me } = chat;
    if (!me || (await this.#author(reaction.user_id, signal)).is_bot) return;
    const post = await chat.rest.onePost(reaction.post_id, signal);
    const text = post.user_id === me.id ? commandOfReaction(reaction, post) : undefined;
    if (text === undefined) return;
    const requester = await chat.rest.user(reaction.user_id, signal);
    // Only a direct message has no thread around what control wants decided.
    const conversation = conversationOf(post, post.root_id === '' ? 'D' : 'O');
    // Taken back and put there again, it is said again.
    const id = `${post.id}:${requester.id}:${reaction.create_at}`;
    await passOn(this.#options, {
      ...{ id, saidAt: reaction.create_at, conversation, requester, text },
      shows: false,
    });
    onAdded();
  }

  #historyFor(
    post: Post,
    conversation: Conversation,
    me: User,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { chat, journal, log, clock } = this.#options;
    const author = (userId: string, within: AbortSignal): Promise<User> => this.#author(userId, within);
    const options = { rest: chat.rest, inbox: journal.inbox, author, log, clock };
    return threadHistory(options, post, conversation, me, signal);
  }

  async #author(userId: string, signal: AbortSignal): Promise<User> {
    const known = this.#users.get(userId);
    if (known) return known;
    const user = await this.#options.chat.rest.user(userId, signal);
    this.#users.set(userId, user);
    return user;
  }
}

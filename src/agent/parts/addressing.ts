import type { ChannelMode, Manifest } from '#core/manifest.ts';
import { mentionedNames } from '#integrations/mattermost/mentions.ts';
import { isFromWebhook, type Post, type User } from '#integrations/mattermost/posts.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';
import type { PostedEvent } from '#integrations/mattermost/socket.ts';
import { threadOwner } from '#integrations/mattermost/thread-owner.ts';

export interface AddressingOptions {
  readonly manifest: Pick<Manifest, 'role' | 'channels'>;
  readonly rest: Pick<MattermostRest, 'thread' | 'userNamed'>;
  /** Since when it takes part in a channel in this way; from `at` on where that is new. */
  readonly inModeSince: (channelId: string, mode: ChannelMode, at: number) => number;
  /** Whether this agent was ever asked in a thread. */
  readonly wasAskedIn: (rootId: string, account: string) => boolean;
  /** The account of an author. */
  readonly author: (userId: string, signal: AbortSignal) => Promise<User>;
}

/** In a channel that the manifest does not name. */
const USUAL_MODE: ChannelMode = 'thread';

/**
 * Whom a post is for. A bot's post is for whom it mentions, and for nobody else: what agents say to each other ends. A
 * person's is for whom it mentions; in a direct message for its agent; without any mention for the agent that people
 * mentioned last in the thread, and else for one that answers all of its channel.
 */
export class Addressing {
  readonly #options: AddressingOptions;
  /** Names that have an account. */
  readonly #known = new Map<string, User>();

  constructor(options: AddressingOptions) {
    this.#options = options;
  }

  /** Which agent the post is for, if it is ours to handle: ourselves, or a name that nobody has and the lead answers for. */
  async target(
    { post, channelType, channelName }: PostedEvent,
    author: User,
    me: User,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const isDirect = channelType === 'D';
    const mode = this.modeIn(channelName);
    // Asked with every post: what a channel becomes now does not reach back to what was said before.
    const since = this.#options.inModeSince(post.channel_id, mode, post.create_at);
    if (mode === 'off' && !isDirect) return undefined;
    const names = mentionedNames(post.message);
    if (names.includes(me.username.toLowerCase())) return me.username;
    if (author.is_bot || isFromWebhook(post)) return undefined;
    if (isDirect) return me.username;
    if (names.length > 0) return this.#nameOfNobody(post, names[0], signal);
    if (post.create_at < since) return undefined;
    return (await this.#isOurs(post, mode, me, signal)) ? me.username : undefined;
  }

  /** How this agent takes part in a channel of this name. */
  modeIn(channelName: string): ChannelMode {
    return this.#options.manifest.channels.mattermost[channelName] ?? USUAL_MODE;
  }

  /** Nobody listens to a name that does not exist: the lead lets control say so. */
  async #nameOfNobody(
    post: Post,
    first: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (this.#options.manifest.role !== 'lead' || !first) return undefined;
    if (!post.message.trimStart().toLowerCase().startsWith(`@${first}`)) return undefined;
    return (await this.#named(first, signal)) ? undefined : first;
  }

  /** Whether a person's post that mentions nobody is for us. */
  async #isOurs(post: Post, mode: ChannelMode, me: User, signal: AbortSignal): Promise<boolean> {
    if (mode === 'mention') return false;
    if (post.root_id === '') return mode === 'all';
    // Most threads are not ours: those are not even read.
    if (mode === 'thread' && !this.#options.wasAskedIn(post.root_id, me.username)) return false;
    const { rest, author } = this.#options;
    const thread = await rest.thread(post.root_id, signal);
    const named = (name: string): Promise<User | undefined> => this.#named(name, signal);
    const owner = await threadOwner(thread, post.create_at, { author, named }, signal);
    return owner === undefined ? mode === 'all' : owner.id === me.id;
  }

  async #named(name: string, signal: AbortSignal): Promise<User | undefined> {
    const known = this.#known.get(name) ?? (await this.#options.rest.userNamed(name, signal));
    if (known) this.#known.set(name, known);
    return known;
  }
}

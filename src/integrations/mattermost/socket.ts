import mm from '@mattermost/client';
import { z } from 'zod';
import { OlympusError } from '#core/errors.ts';
import type { Clock } from '#lib/clock.ts';
import { Post, Reaction } from './posts.ts';

export interface PostedEvent {
  readonly post: Post;
  /** O public, P private, D direct, G group. */
  readonly channelType: string;
  /** As in its address; of a direct message the ids of both. */
  readonly channelName: string;
}

export interface SocketOptions {
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly pingEveryMs: number;
  readonly onPosted: (event: PostedEvent) => void;
  /** Somebody has changed the text of a post, or deleted it. */
  readonly onRevised: (post: Post, what: 'edited' | 'deleted') => void;
  /** Somebody has put an emoji below a post. */
  readonly onReaction: (reaction: Reaction) => void;
  /** Events may have been lost: read what came meanwhile by REST. Also called once at the first hello. */
  readonly onGap: () => void;
}

const Posted = z.object({
  event: z.literal('posted'),
  data: z.object({ post: z.string(), channel_type: z.string(), channel_name: z.string() }),
});

const Reacted = z.object({
  event: z.literal('reaction_added'),
  data: z.object({ reaction: z.string() }),
});

const Revised = z.object({
  event: z.enum(['post_edited', 'post_deleted']),
  data: z.object({ post: z.string() }),
});

const OPEN_DEADLINE_MS = 10_000;
const DEAF_AFTER_PINGS = 3;

/**
 * One WebSocket session. The token travels in the header of the upgrade, never as a challenge: only then does
 * the server replay what a short cut swallowed.
 *
 * INVARIANT: both a message and a missed listener are set before `initialize`; without the latter the library
 * forgets its connection id and loops for ever after the first drop.
 */
export class MattermostSocket {
  readonly #options: SocketOptions;
  readonly #client: InstanceType<typeof mm.WebSocketClient>;
  #raw: WebSocket | undefined;
  #greeted = false;
  #lastOkAt: number;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#lastOkAt = options.clock.now();
    this.#client = new mm.WebSocketClient({
      minWebSocketRetryTime: 1000,
      maxWebSocketRetryTime: 30_000,
      reconnectJitterRange: 1000,
      newWebSocketFn: (url) => {
        // Node's WebSocket takes headers as an option (undici); the DOM types do not know it.
        const withHeaders = { headers: { authorization: `Bearer ${options.token}` } };
        this.#raw = new WebSocket(url, withHeaders as unknown as string[]);
        return this.#raw;
      },
    });
  }

  /** Greeted by the server, open, and lately answering pings with OK. */
  get hearing(): boolean {
    return this.#greeted && this.#raw?.readyState === WebSocket.OPEN && !this.#deaf();
  }

  /** When the server last proved that it sends us events (Unix ms). */
  get lastOkAt(): number {
    return this.#lastOkAt;
  }

  open(): void {
    const client = this.#client;
    client.addMessageListener((message) => this.#onMessage(message));
    client.addMissedMessageListener(() => this.#options.onGap());
    // A reconnect is a new chance: the ping clock starts anew.
    client.addReconnectListener(() => this.#ping());
    client.initialize(`${this.#options.url.replace(/^http/, 'ws')}/api/v4/websocket`);
  }

  /**
   * Resolves never; rejects when this session is of no more use: no greeting in time, or connected but deaf
   * (a disabled bot, a revoked token). A dropped connection is not the end: the library comes back by itself.
   */
  async watch(signal: AbortSignal): Promise<never> {
    const { clock, pingEveryMs } = this.#options;
    const openedAt = clock.now();
    while (true) {
      const everyMs = this.#greeted ? pingEveryMs : Math.min(250, pingEveryMs);
      await clock.sleep(everyMs, signal);
      signal.throwIfAborted();
      if (!this.#greeted && clock.now() - openedAt > OPEN_DEADLINE_MS) {
        throw new OlympusError('chat_unavailable', 'Mattermost did not greet the WebSocket');
      }
      if (this.#greeted) this.#ping();
      if (this.#deaf())
        throw new OlympusError(
          'chat_unavailable',
          'the WebSocket is open but deaf: pings are not answered OK',
        );
    }
  }

  close(): void {
    this.#client.close();
    if (this.#raw) {
      // The library does nothing to a socket that is still connecting.
      this.#raw.onclose = null;
      this.#raw.onmessage = null;
      this.#raw.onopen = null;
      this.#raw.close();
    }
  }

  #deaf(): boolean {
    const { clock, pingEveryMs } = this.#options;
    return this.#greeted && clock.now() - this.#lastOkAt > DEAF_AFTER_PINGS * pingEveryMs;
  }

  #ping(): void {
    // Any reply counts as pong for the library, FAIL too; only OK proves that we are heard.
    this.#client.sendMessage('ping', {}, (reply: unknown) => {
      if (z.object({ status: z.literal('OK') }).safeParse(reply).success) {
        this.#lastOkAt = this.#options.clock.now();
      }
    });
  }

  #onMessage(message: unknown): void {
    if (z.object({ event: z.literal('hello') }).safeParse(message).success) {
      if (!this.#greeted) {
        this.#greeted = true;
        this.#options.onGap();
      }
      this.#lastOkAt = this.#options.clock.now();
      return;
    }
    const reacted = Reacted.safeParse(message);
    if (reacted.success) {
      const reaction = parseJson(reacted.data.data.reaction, Reaction);
      if (reaction) this.#options.onReaction(reaction);
      return;
    }
    const revised = Revised.safeParse(message);
    if (revised.success) {
      const post = parseJson(revised.data.data.post, Post);
      const isDeleted = revised.data.event === 'post_deleted';
      // A pin and a preview of a link come as edits too, of a text that was never changed.
      if (post && (isDeleted || post.edit_at > 0))
        this.#options.onRevised(post, isDeleted ? 'deleted' : 'edited');
      return;
    }
    const posted = Posted.safeParse(message);
    if (!posted.success) return;
    const { post: json, channel_type: channelType, channel_name: channelName } = posted.data.data;
    const post = parseJson(json, Post);
    if (post) this.#options.onPosted({ post, channelType, channelName });
  }
}

function parseJson<T extends z.ZodType>(json: string, schema: T): z.output<T> | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

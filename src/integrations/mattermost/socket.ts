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
  /** The server has proven that it hears us, by answering a ping with OK: greetings are also given by one that does not. */
  readonly onProven: () => void;
}

const Posted = z.object({
  event: z.literal('posted'),
  data: z.object({ post: z.string(), channel_type: z.string(), channel_name: z.string() }),
});

const Answered = z.object({ status: z.literal('OK') });

const Reacted = z.object({
  event: z.literal('reaction_added'),
  data: z.object({ reaction: z.string() }),
});

const Revised = z.object({
  event: z.enum(['post_edited', 'post_deleted']),
  data: z.object({ post: z.string() }),
});

const OPEN_DEADLINE_MS = 10_000;

/** A connection that proves nothing for as many pings is of no use. */
export const SILENT_PINGS = 3;

/**
 * After the nth failure the library waits n² times the least, and some jitter: at most thirty seconds in all. As it
 * comes, it would go from its least at once to its most, and be deaf for half a minute after an outage of ten seconds.
 */
const RETRY = {
  maxWebSocketFails: 0,
  minWebSocketRetryTime: 500,
  maxWebSocketRetryTime: 29_000,
  reconnectJitterRange: 1000,
};

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
  #proven = false;
  /** When a ping was answered with OK last; before the first, when the server greeted us. */
  #heardAt: number;
  /** Aborted, with the reason, when a ping is answered with anything but OK. */
  readonly #refused = new AbortController();

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#client = new mm.WebSocketClient({
      ...RETRY,
      newWebSocketFn: (url) => {
        // Node's WebSocket takes headers as an option (undici); the DOM types do not know it.
        const withHeaders = { headers: { authorization: `Bearer ${options.token}` } };
        this.#raw = new WebSocket(url, withHeaders as unknown as string[]);
        return this.#raw;
      },
    });
  }

  /** Whether a ping of this session was ever answered with OK. */
  get proven(): boolean {
    return this.#proven;
  }

  /** Open, and lately answering pings with OK. */
  get hearing(): boolean {
    return this.#proven && this.#isOpen && !this.#isSilent;
  }

  open(): void {
    const client = this.#client;
    client.addMessageListener((message) => this.#onMessage(message));
    client.addMissedMessageListener(() => this.#options.onGap());
    client.initialize(`${this.#options.url.replace(/^http/, 'ws')}/api/v4/websocket`);
  }

  /**
   * Resolves never; rejects when this session is of no more use: no greeting in time, connected but deaf (a disabled
   * bot, a revoked token), or away for long. A dropped connection is not the end: the library comes back by itself.
   */
  async watch(signal: AbortSignal): Promise<never> {
    const { clock, pingEveryMs } = this.#options;
    const openedAt = clock.now();
    while (true) {
      const everyMs = this.#greeted ? pingEveryMs : Math.min(250, pingEveryMs);
      await clock.sleep(everyMs, AbortSignal.any([signal, this.#refused.signal]));
      signal.throwIfAborted();
      this.#refused.signal.throwIfAborted();
      if (!this.#greeted && clock.now() - openedAt > OPEN_DEADLINE_MS) {
        throw new OlympusError('chat_unavailable', 'Mattermost did not greet the WebSocket');
      }
      if (this.#greeted) this.#ping();
      if (this.#isSilent) {
        const sentence = this.#isOpen
          ? 'the WebSocket is open but deaf: pings are not answered'
          : 'the WebSocket was closed and did not come back';
        throw new OlympusError('chat_unavailable', sentence);
      }
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

  get #isOpen(): boolean {
    return this.#raw?.readyState === WebSocket.OPEN;
  }

  get #isSilent(): boolean {
    const { clock, pingEveryMs } = this.#options;
    return this.#greeted && clock.now() - this.#heardAt > SILENT_PINGS * pingEveryMs;
  }

  #ping(): void {
    // Any reply counts as pong for the library, FAIL too; only OK proves that we are heard.
    this.#client.sendMessage('ping', {}, (reply: unknown) => {
      if (Answered.safeParse(reply).success) return this.#answered();
      const sentence = 'the WebSocket is open but deaf: a ping was refused, as for a disabled bot';
      this.#refused.abort(new OlympusError('chat_unavailable', sentence));
    });
  }

  #answered(): void {
    this.#proven = true;
    this.#heardAt = this.#options.clock.now();
    this.#options.onProven();
  }

  #onMessage(message: unknown): void {
    if (z.object({ event: z.literal('hello') }).safeParse(message).success) {
      if (!this.#greeted) {
        this.#greeted = true;
        this.#heardAt = this.#options.clock.now();
        this.#options.onGap();
      }
      this.#ping();
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

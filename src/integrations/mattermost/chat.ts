import { messageOf } from '#core/errors.ts';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Post, Reaction, User } from './posts.ts';
import { MattermostRest } from './rest.ts';
import { MattermostSocket, type PostedEvent } from './socket.ts';

export interface ChatOptions {
  readonly url: string;
  readonly token: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly pingEveryMs?: number;
  readonly onPosted: (event: PostedEvent) => void;
  readonly onRevised: (post: Post, what: 'edited' | 'deleted') => void;
  readonly onReaction: (reaction: Reaction) => void;
  readonly onGap: () => void;
}

/** An alarm is due when no ping has been answered OK for this long. */
const SILENT_AFTER_MS = 90_000;

/**
 * The connection of one account to Mattermost, REST and WebSocket, rebuilt for as long as the process lives.
 * It is never silently deaf: a session that stops proving that it hears is thrown away, and `health` says so.
 */
export class MattermostChat implements Part {
  readonly name = 'chat';
  readonly rest: MattermostRest;
  readonly #options: ChatOptions & { readonly clock: Clock };
  readonly #session: Loop;
  #me: User | undefined;
  #socket: MattermostSocket | undefined;
  #problem: string | undefined = 'not connected yet';

  constructor(options: ChatOptions) {
    this.#options = { clock: systemClock, ...options };
    this.rest = new MattermostRest(options.url, options.token);
    this.#session = new Loop({
      clock: this.#options.clock,
      round: (signal) => this.#hold(signal),
      onError: (error) => {
        this.#problem = messageOf(error);
        this.#options.log.warn({ err: error }, 'chat session ended');
      },
      backoff: { baseMs: 500, capMs: 30_000 },
      stuckAfterMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Our own account, once the server has told us. */
  get me(): User | undefined {
    return this.#me;
  }

  async start(): Promise<void> {
    this.#session.start();
  }

  /** Stops listening; posting stays possible until the process ends. */
  async quiesce(): Promise<void> {
    await this.#session.stop();
  }

  async stop(): Promise<void> {
    await this.#session.stop();
  }

  health(): Health {
    if (this.#socket?.hearing) return { live: true, ready: true };
    const silentMs = this.#socket ? this.#options.clock.now() - this.#socket.lastOkAt : 0;
    const alarm = silentMs > SILENT_AFTER_MS ? `deaf for ${Math.round(silentMs / 1000)} s; ` : '';
    return { live: true, ready: false, reason: `${alarm}${this.#problem ?? 'reconnecting'}` };
  }

  async #hold(signal: AbortSignal): Promise<number> {
    const { url, token, clock, pingEveryMs = 30_000, log, ...listeners } = this.#options;
    this.#me = await this.rest.me(signal);
    const socket = new MattermostSocket({ ...listeners, url, token, clock, pingEveryMs });
    this.#socket = socket;
    this.#problem = undefined;
    log.info({ account: this.#me.username }, 'chat session opened');
    try {
      socket.open();
      return await socket.watch(signal);
    } finally {
      socket.close();
    }
  }
}

import { messageOf } from '#core/errors.ts';
import { fullJitter } from '#lib/backoff.ts';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Post, Reaction, User } from './posts.ts';
import { MattermostRest } from './rest.ts';
import { MattermostSocket, type PostedEvent, SILENT_PINGS } from './socket.ts';

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

const BACKOFF = { baseMs: 500, capMs: 30_000 };
/** With it an alarm is due after 90 s. */
const PING_EVERY_MS = 30_000;

/**
 * The connection of one account to Mattermost, REST and WebSocket, rebuilt for as long as the process lives.
 * It is never silently deaf: a session that stops proving that it hears is thrown away, and `health` says so; with an
 * alarm when nothing was proven for as long as three pings take, by however many sessions.
 */
export class MattermostChat implements Part {
  readonly name = 'chat';
  readonly rest: MattermostRest;
  readonly #options: ChatOptions & { readonly clock: Clock; readonly pingEveryMs: number };
  readonly #session: Loop;
  #me: User | undefined;
  #socket: MattermostSocket | undefined;
  #problem: string | undefined = 'not connected yet';
  /** When the server last proved that it hears us; before it ever did, when we began to try (Unix ms). */
  #provenAt = Number.POSITIVE_INFINITY;

  constructor(options: ChatOptions) {
    this.#options = { clock: systemClock, pingEveryMs: PING_EVERY_MS, ...options };
    this.rest = new MattermostRest(options.url, options.token);
    this.#session = new Loop({
      clock: this.#options.clock,
      round: (signal) => this.#hold(signal),
      onError: (error) => this.#ended(error),
      backoff: BACKOFF,
      stuckAfterMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Our own account, once the server has told us. */
  get me(): User | undefined {
    return this.#me;
  }

  async start(): Promise<void> {
    this.#provenAt = this.#options.clock.now();
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
    const { clock, pingEveryMs } = this.#options;
    const problem = this.#problem ?? 'reconnecting';
    if (clock.now() - this.#provenAt <= SILENT_PINGS * pingEveryMs)
      return { live: true, ready: false, reason: problem };
    // The time and not for how long: what is the same is not told again.
    const since = new Date(this.#provenAt).toISOString();
    return { live: true, ready: false, alarm: true, reason: `hears nothing since ${since}: ${problem}` };
  }

  async #hold(signal: AbortSignal): Promise<number> {
    const { log, ...options } = this.#options;
    this.#me = await this.rest.me(signal);
    const socket = new MattermostSocket({
      ...options,
      onProven: () => {
        this.#provenAt = options.clock.now();
      },
    });
    this.#socket = socket;
    this.#problem = undefined;
    log.info({ account: this.#me.username }, 'chat session opened');
    try {
      socket.open();
      return await socket.watch(signal);
    } catch (error) {
      if (signal.aborted || !socket.proven) throw error;
      // It was of use until now: the next one does not wait for as long as after many that never were.
      this.#ended(error);
      return fullJitter(0, BACKOFF);
    } finally {
      socket.close();
    }
  }

  #ended(error: unknown): void {
    this.#problem = messageOf(error);
    this.#options.log.warn({ err: error }, 'chat session ended');
  }
}

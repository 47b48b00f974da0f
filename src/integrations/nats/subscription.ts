import type { Consumer, ConsumerInfo, JsMsg } from '@nats-io/jetstream';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { BusConnection } from './connection.ts';

/** A message taken from a durable consumer. */
export interface BusMessage {
  readonly stream: string;
  /** Its place in the stream. */
  readonly seq: number;
  readonly subject: string;
  readonly body: Uint8Array;
  /** The id that whoever published it gave it. */
  readonly msgId: string | undefined;
  /** When the stream took it (Unix ms). */
  readonly storedAt: number;
  /** 1 on the first delivery. */
  readonly deliveryCount: number;
  /** Says that it is done with. Resolves when the server has recorded that, where the subscription `confirms`. */
  ack(): Promise<void>;
  /** Restarts the server's ack timer: to be called on proven progress only. */
  working(): void;
  /** Gives the message back for later; the delay is never left out, or it would come back at once, for ever. */
  later(delayMs: number): void;
  /** Removes a message that can never be handled. */
  term(reason: string): void;
}

export interface SubscriptionOptions {
  readonly bus: BusConnection;
  readonly stream: string;
  readonly durable: string;
  /** How many pulls run at once, each with messages of its own in hand. */
  readonly concurrency: number;
  /** How many messages one pull takes at most; they are handled together. 1 unless more are wanted. */
  readonly batch?: number;
  /**
   * Whether an acknowledgement waits for the server's word. Without it one that is lost brings the message again; that is
   * harmless, and costs less where there are many.
   */
  readonly confirms: boolean;
  /** Handles one message and acknowledges it. May see the same message again. When it throws, the message comes back after a delay. */
  readonly handle: (message: BusMessage, signal: AbortSignal) => Promise<void>;
  /** While this is false nothing is pulled. */
  readonly open?: () => boolean;
  readonly log: Logger;
  readonly clock?: Clock;
}

const PULL_EXPIRES_MS = 5000;
/** How long a message stays away that could not be handled: twice as long each time, since a consumer delivers only so often. */
const RETRY = { firstMs: 2000, capMs: 30_000 };
const GATE_POLL_MS = 100;

/**
 * Pulls from a durable consumer that control has made; binds by name and asks the server for nothing else.
 * INVARIANT: nothing is acknowledged here; the handler does that once it has recorded what it took.
 */
export class Subscription implements Part {
  readonly name: string;
  readonly #options: SubscriptionOptions;
  readonly #workers: Loop[];
  readonly #handlers = new AbortController();
  #failing: string | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.name = `consume ${options.stream}`;
    this.#workers = Array.from(
      { length: options.concurrency },
      () =>
        new Loop({
          clock: options.clock ?? systemClock,
          round: (signal) => this.#round(signal),
          onError: (error) => this.#onError(error),
          backoff: { baseMs: 100, capMs: 2000 },
          stuckAfterMs: Number.POSITIVE_INFINITY,
        }),
    );
  }

  async start(): Promise<void> {
    for (const worker of this.#workers) worker.start();
  }

  /** Stops pulling at once; messages in hand may be finished until `signal` aborts, then they are left to come back. */
  async quiesce(signal: AbortSignal): Promise<void> {
    const giveUp = (): void => this.#handlers.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    signal.removeEventListener('abort', giveUp);
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.quiesce(signal);
  }

  health(): Health {
    return this.#failing ? { live: true, ready: false, reason: this.#failing } : { live: true, ready: true };
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { bus, open, batch = 1 } = this.#options;
    if (open && !open()) return GATE_POLL_MS;
    const pulled = await this.#consumer(bus).fetch({
      max_messages: batch,
      expires: PULL_EXPIRES_MS,
      bind: true,
    });
    const stop = (): void => pulled.stop();
    signal.addEventListener('abort', stop, { once: true });
    const inHand: Promise<void>[] = [];
    try {
      for await (const message of pulled) {
        this.#failing = undefined;
        if (signal.aborted) message.nak(1);
        else inHand.push(this.#handle(message));
        if (inHand.length === batch) break;
      }
      this.#failing = undefined;
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.all(inHand);
    }
    return 0;
  }

  async #handle(message: JsMsg): Promise<void> {
    const { handle, confirms, log } = this.#options;
    try {
      await handle(wrap(message, confirms), this.#handlers.signal);
    } catch (error) {
      if (this.#handlers.signal.aborted) return;
      log.warn(
        { err: error, subject: message.subject, deliveries: message.info.deliveryCount },
        'message not handled',
      );
      message.nak(Math.min(RETRY.capMs, RETRY.firstMs * 2 ** (message.info.deliveryCount - 1)));
    }
  }

  #consumer(bus: BusConnection): Consumer {
    const { stream, durable } = this.#options;
    // No CONSUMER.INFO call: an agent has no right to it, and needs none.
    const info = {
      stream_name: stream,
      name: durable,
      config: { name: durable, durable_name: durable, ack_policy: 'explicit' },
    } as ConsumerInfo;
    return bus.jetstream().consumers.getConsumerFromInfo(info);
  }

  #onError(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#failing !== reason) this.#options.log.warn({ err: error, part: this.name }, 'pull failed');
    this.#failing = reason;
  }
}

function wrap(message: JsMsg, confirms: boolean): BusMessage {
  return {
    stream: message.info.stream,
    seq: message.seq,
    subject: message.subject,
    body: message.data,
    msgId: message.headers?.get('Nats-Msg-Id') || undefined,
    storedAt: Math.floor(message.info.timestampNanos / 1e6),
    deliveryCount: message.info.deliveryCount,
    ack: async () => {
      if (confirms) await message.ackAck();
      else message.ack();
    },
    working: () => message.working(),
    later: (delayMs) => message.nak(Math.max(1, delayMs)),
    term: (reason) => message.term(reason),
  };
}

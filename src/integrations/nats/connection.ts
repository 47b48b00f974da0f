import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection, type NodeConnectionOptions, nkeyAuthenticator } from 'nats';
import { messageOf, OlympusError } from '#core/errors.ts';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { type BusAddress, tlsOptions, tlsRefusal } from './tls.ts';

export interface ConnectionOptions extends BusAddress {
  /** Shown in the server's connection list. */
  readonly name: string;
  /** The nkey seed that proves who we are; it is never sent. Without one the server must allow anonymous clients. */
  readonly seed?: string | undefined;
  /** `_INBOX_<agent>`: the only inbox this user may read. */
  readonly inboxPrefix?: string | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * The connection to nats-server, kept for the life of the process: a server that is away, restarted or
 * has revoked and restored our key is met again by itself. `connected` says how it is now.
 */
export class BusConnection implements Part {
  readonly name = 'bus';
  readonly #options: ConnectionOptions;
  readonly #keeper: Loop;
  #connection: NatsConnection | undefined;
  #jetstream: JetStreamClient | undefined;
  #connected = false;
  #generation = 0;
  readonly #served: Served[] = [];
  #lastError = 'not connected yet';

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#keeper = new Loop({
      clock: options.clock ?? systemClock,
      // One round is one connection: it lasts until the client gives up on it for good.
      round: async (signal) => {
        await this.#hold(signal);
        return 0;
      },
      onError: (error) => this.#unreached(error),
      backoff: { baseMs: 250, capMs: 5000 },
      stuckAfterMs: Number.POSITIVE_INFINITY,
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Grows by one with every connection made: what was true of the server before may not be any more. */
  get generation(): number {
    return this.#generation;
  }

  async start(): Promise<void> {
    this.#keeper.start();
  }

  async stop(): Promise<void> {
    await this.#connection?.drain().catch(() => undefined);
    await this.#keeper.stop();
    await this.#connection?.close();
  }

  health(): Health {
    if (this.#connected) return { live: true, ready: true };
    return { live: true, ready: false, reason: `nats-server at ${this.#options.url}: ${this.#lastError}` };
  }

  /** The JetStream client; throws `bus_unavailable` while there is no connection. */
  jetstream(): JetStreamClient {
    const connection = this.#live();
    this.#jetstream ??= jetstream(connection, { timeout: 5000 });
    return this.#jetstream;
  }

  /** Publishes to this stream without asking for a confirmation; throws `bus_unavailable` while there is no connection. */
  send(
    subject: string,
    body: string | Uint8Array,
    { msgId, stream }: { msgId: string; stream: string },
  ): void {
    const given = headers();
    given.set('Nats-Msg-Id', msgId);
    given.set('Nats-Expected-Stream', stream);
    this.#live().publish(subject, body, { headers: given });
  }

  /** The JetStream manager, for the control account only. */
  manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#live(), { checkAPI: false, timeout: 5000 });
  }

  /** Answers requests on this subject, on this connection and every later one. */
  serve(subject: string, answer: (body: Uint8Array) => Promise<string>): void {
    const served = { subject, answer };
    this.#served.push(served);
    if (this.#connection) this.#answerOn(this.#connection, served);
  }

  /** Asks whoever serves the subject. Throws `bus_unavailable` when nobody answers within `timeoutMs`. */
  async request(subject: string, body: string, timeoutMs: number): Promise<Uint8Array> {
    const connection = this.#live();
    try {
      return (await connection.request(subject, body, { timeout: timeoutMs })).data;
    } catch (error) {
      throw new OlympusError('bus_unavailable', `nobody answers on ${subject}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  #answerOn(connection: NatsConnection, { subject, answer }: Served): void {
    const { log } = this.#options;
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) {
          log.error({ err: error, subject }, 'requests cannot be served');
          return;
        }
        answer(message.data).then(
          (reply) => message.respond(reply),
          (failure) => log.error({ err: failure, subject }, 'request not answered'),
        );
      },
    });
  }

  #live(): NatsConnection {
    // Nothing may count on the client's buffer while disconnected: what is published there is lost in silence.
    if (this.#connection && this.#connected) return this.#connection;
    throw new OlympusError('bus_unavailable', `nats-server is not connected: ${this.#lastError}`);
  }

  async #hold(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const connection = await connect(clientOptions(this.#options));
    // Stopped meanwhile.
    if (signal.aborted) return connection.close();
    this.#connection = connection;
    this.#jetstream = undefined;
    for (const served of this.#served) this.#answerOn(connection, served);
    this.#up();
    log.info({ server: connection.getServer() }, 'bus connected');
    signal.addEventListener('abort', () => void connection.close(), { once: true });
    void this.#watch(connection);
    const error = await connection.closed();
    this.#down(error ? messageOf(error) : 'connection closed');
  }

  async #watch(connection: NatsConnection): Promise<void> {
    const { log } = this.#options;
    let tries = 0;
    for await (const status of connection.status()) {
      switch (status.type) {
        case 'disconnect':
          tries = 0;
          this.#down('disconnected, reconnecting');
          log.warn('bus disconnected');
          break;
        case 'reconnecting':
          tries += 1;
          if (tries % ASK_WHY_EVERY === ASK_WHY_FIRST) void this.#askWhy();
          break;
        case 'reconnect':
          this.#up();
          log.info('bus reconnected');
          break;
        case 'error':
          // A refused fire-and-forget publish shows here and nowhere else.
          log.error({ err: status.error }, 'bus refused something');
          break;
        default:
          break;
      }
    }
  }

  /** The client tries again without a word about what is in its way; a connection beside it learns that. */
  async #askWhy(): Promise<void> {
    try {
      const second = await connect({ ...clientOptions(this.#options), reconnect: false });
      await second.close();
    } catch (error) {
      if (!this.#connected) this.#unreached(error);
    }
  }

  /** Says once what is in the way, however often it is tried. */
  #unreached(error: unknown): void {
    const { url, log } = this.#options;
    const refusal = tlsRefusal(error, this.#options);
    const reason = refusal ?? messageOf(error);
    if (reason !== this.#lastError) {
      if (refusal) log.error({ server: url, reason }, 'bus not trusted');
      else log.warn({ server: url, reason }, 'bus not reached');
    }
    this.#down(reason);
  }

  #up(): void {
    this.#connected = true;
    this.#generation += 1;
  }

  #down(reason: string): void {
    this.#connected = false;
    this.#lastError = reason;
  }
}

interface Served {
  readonly subject: string;
  readonly answer: (body: Uint8Array) => Promise<string>;
}

/** In tries of the client, of which TLS allows one or two a second. A server that only restarts is back before. */
const ASK_WHY_FIRST = 2;
const ASK_WHY_EVERY = 10;

function clientOptions(options: ConnectionOptions): NodeConnectionOptions {
  const { url, name, seed, inboxPrefix } = options;
  return {
    servers: url,
    name,
    ...tlsOptions(options),
    ...(seed ? { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) } : {}),
    ...(inboxPrefix ? { inboxPrefix } : {}),
    // A stack for each request costs more than the request; an error says which subject it was.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    pingInterval: 10_000,
    // Until the handshake is over, which takes seconds on an emulated machine; who is not there refuses at once.
    timeout: 20_000,
  };
}

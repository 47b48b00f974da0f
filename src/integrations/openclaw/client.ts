import { OlympusError } from '#core/errors.ts';
import { type Backoff, fullJitter } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { Logger } from '#lib/log.ts';
import { Connection, HandshakeError } from './connection.ts';
import type { GatewayEvent } from './protocol.ts';

export interface GatewayClientOptions {
  /** The gateway's HTTP address, for example `http://127.0.0.1:18789`. */
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether commands that need a decision wait for one from this client. */
  readonly approves?: boolean;
  readonly connectTimeoutMs?: number;
  readonly backoff?: Backoff;
}

const BACKOFF: Backoff = { baseMs: 100, capMs: 5_000 };

/**
 * The gateway's WebSocket RPC as something that stays: connects on first use and again after a loss, with
 * full-jitter back-off.
 *
 * INVARIANTS
 * - at most one connection is open;
 * - a call never outlives its connection: it is rejected with `gateway_unavailable` when that closes.
 */
export class GatewayClient {
  readonly #options: GatewayClientOptions;
  readonly #listeners = new Set<(event: GatewayEvent) => void>();
  readonly #closing = new AbortController();
  #connection: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  #failures = 0;
  /** Why the handshake was refused the last time; a gateway that is away does not refuse. */
  refusal: string | undefined;

  constructor(options: GatewayClientOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connection?.open ?? false;
  }

  /** Calls `listener` with every event of every connection, until the returned function is called. */
  onEvent(listener: (event: GatewayEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An open connection, made now if there is none. One attempt: rejects with `gateway_unavailable`. */
  async connect(signal: AbortSignal): Promise<Connection> {
    if (this.#connection?.open) return this.#connection;
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    const { connectTimeoutMs = 30_000 } = this.#options;
    const opening = this.#connecting;
    return withDeadline(
      'the wait for the gateway connection',
      connectTimeoutMs + 1_000,
      signal,
      () => opening,
    );
  }

  /** Waits before another attempt, longer after each failure in a row. */
  async pause(signal: AbortSignal): Promise<void> {
    const { clock, backoff = BACKOFF } = this.#options;
    await clock.sleep(fullJitter(this.#failures, backoff) + 50, signal);
  }

  /** One call on the current connection (made first if need be). */
  async call(method: string, params: object, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
    const connection = await this.connect(signal);
    return connection.call(method, params, { timeoutMs, signal });
  }

  close(): void {
    this.#closing.abort();
    this.#connection?.close();
    this.#listeners.clear();
  }

  async #open(): Promise<Connection> {
    const { url, token, clock, log, approves = false, connectTimeoutMs = 30_000 } = this.#options;
    if (this.#closing.signal.aborted) throw new OlympusError('gateway_unavailable', 'the client is closed');
    try {
      const connection = await Connection.open({
        url,
        token,
        clock,
        approves,
        timeoutMs: connectTimeoutMs,
        signal: this.#closing.signal,
        onEvent: (event) => {
          for (const listener of this.#listeners) listener(event);
        },
        onClose: (reason) => log.info({ reason }, 'connection to the gateway closed'),
      });
      this.#failures = 0;
      this.refusal = undefined;
      this.#connection = connection;
      log.info({ version: connection.serverVersion }, 'connected to the gateway');
      return connection;
    } catch (error) {
      this.#failures += 1;
      if (error instanceof HandshakeError) this.refusal = error.message;
      throw error;
    }
  }
}

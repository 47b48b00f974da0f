import { messageOf, OlympusError } from '#core/errors.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import { type GatewayEvent, GatewayFrame, type GatewayResponse, Hello } from './protocol.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Whether commands that need a decision wait for one from here; without anybody to wait for they are denied. */
  readonly approves: boolean;
  readonly onEvent: (event: GatewayEvent) => void;
  /** Called once, when a connection that was open is not any more. */
  readonly onClose: (reason: string) => void;
}

export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Waits past a first answer with status `accepted` for the final one. */
  readonly final?: boolean;
}

/** The gateway's refusal of one call. */
export class GatewayCallError extends Error {
  readonly code: string;
  readonly payload: unknown;

  constructor(method: string, response: GatewayResponse) {
    super(`${method} was refused: ${response.error?.message || response.error?.code || 'no reason given'}`);
    this.name = 'GatewayCallError';
    this.code = response.error?.code ?? 'UNKNOWN';
    this.payload = response.payload;
  }
}

/** The gateway is there and does not let us in over WebSocket. */
export class HandshakeError extends OlympusError {
  constructor(message: string, options: { cause: unknown }) {
    super('gateway_unavailable', message, options);
    this.name = 'HandshakeError';
  }
}

interface Pending {
  readonly final: boolean;
  readonly resolve: (response: GatewayResponse) => void;
  readonly reject: (error: Error) => void;
}

/** A peer that sends nothing for this many tick intervals is gone. */
const SILENT_TICKS = 2.5;

/** One WebSocket to the gateway, past its handshake. It opens once and closes once. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #closed = new AbortController();
  readonly #challenge = Promise.withResolvers<void>();
  #count = 0;
  #lastFrameAt: number;
  #authenticated = false;
  serverVersion = 'unknown';

  /** Connects and authenticates. Rejects with `gateway_unavailable` whatever goes wrong. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    try {
      await withDeadline('the gateway handshake', options.timeoutMs, options.signal, (signal) =>
        connection.#handshake(signal),
      );
      return connection;
    } catch (error) {
      connection.close();
      if (error instanceof OlympusError) throw error;
      throw new HandshakeError(`Could not connect to ${options.url}: ${messageOf(error)}`, { cause: error });
    }
  }

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#lastFrameAt = options.clock.now();
    this.#challenge.promise.catch(() => undefined);
    this.#socket = new WebSocket(options.url.replace(/^http/, 'ws'));
    this.#socket.addEventListener('message', ({ data }) => this.#receive(String(data)));
    this.#socket.addEventListener('error', () => this.#end('the connection failed'));
    this.#socket.addEventListener('close', ({ code, reason }) => {
      this.#end(`the gateway closed the connection (${code}${reason ? ` ${reason}` : ''})`);
    });
  }

  get open(): boolean {
    return !this.#closed.signal.aborted;
  }

  /** Aborts when the connection is lost or closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** The payload of the answer. Rejects with a GatewayCallError, a DeadlineError, or `gateway_unavailable`. */
  async call(method: string, params: object, options: CallOptions): Promise<unknown> {
    const id = String(++this.#count);
    try {
      const response = await withDeadline(method, options.timeoutMs, options.signal, () =>
        this.#send(id, method, params, options.final ?? false),
      );
      if (!response.ok) throw new GatewayCallError(method, response);
      return response.payload;
    } finally {
      this.#pending.delete(id);
    }
  }

  close(): void {
    this.#end('closed by us');
  }

  async #handshake(signal: AbortSignal): Promise<void> {
    await this.#challenge.promise;
    const payload = await this.call(
      'connect',
      {
        minProtocol: 4,
        maxProtocol: 4,
        // This id and mode over loopback need no device pairing and keep their scopes.
        client: { id: 'gateway-client', version: '1.0.0', platform: process.platform, mode: 'backend' },
        role: 'operator',
        scopes: ['operator.read', 'operator.write', 'operator.approvals', 'operator.admin'],
        caps: ['tool-events', ...(this.#options.approves ? ['exec-approvals'] : [])],
        auth: { token: this.#options.token },
      },
      { timeoutMs: this.#options.timeoutMs, signal },
    );
    const hello = Hello.parse(payload);
    if (!hello.auth.scopes.includes('operator.write')) {
      throw new Error('the gateway gave no right to run turns; it must be reached over loopback');
    }
    this.serverVersion = hello.server.version;
    this.#authenticated = true;
    void this.#watch(hello.policy.tickIntervalMs * SILENT_TICKS);
  }

  #send(id: string, method: string, params: object, final: boolean): Promise<GatewayResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<GatewayResponse>();
    if (!this.open) throw new OlympusError('gateway_unavailable', `${method}: the connection is closed`);
    this.#pending.set(id, { final, resolve, reject });
    this.#socket.send(JSON.stringify({ type: 'req', id, method, params }));
    return promise;
  }

  #receive(text: string): void {
    this.#lastFrameAt = this.#options.clock.now();
    const parsed = GatewayFrame.safeParse(parseJson(text));
    if (!parsed.success) return;
    const frame = parsed.data;
    if (frame.type === 'event') {
      if (frame.event === 'connect.challenge') this.#challenge.resolve();
      else this.#options.onEvent(frame);
      return;
    }
    const pending = this.#pending.get(frame.id);
    if (!pending) return;
    if (pending.final && frame.ok && statusOf(frame.payload) === 'accepted') return;
    pending.resolve(frame);
  }

  /** The gateway sends a `tick` every so often; a connection without one is half open. */
  async #watch(silenceMs: number): Promise<void> {
    const { clock } = this.#options;
    while (this.open) {
      const leftMs = this.#lastFrameAt + silenceMs - clock.now();
      if (leftMs <= 0) return this.#end(`the gateway said nothing for ${silenceMs} ms`);
      await clock.sleep(leftMs, this.#closed.signal);
    }
  }

  #end(reason: string): void {
    if (!this.open) return;
    const error = new OlympusError('gateway_unavailable', `OpenClaw gateway: ${reason}`);
    this.#closed.abort(error);
    this.#challenge.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#socket.close();
    if (this.#authenticated) this.#options.onClose(reason);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function statusOf(payload: unknown): unknown {
  return typeof payload === 'object' && payload !== null && 'status' in payload ? payload.status : undefined;
}

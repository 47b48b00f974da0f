import {
  connect,
  headers,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
} from 'nats';
import { withDeadline } from '#lib/deadline.ts';
import { waitFor } from '../wait.ts';
import type { Cell } from './cells.ts';

/** A pull that waited would take the messages that come later. */
const NO_WAIT = '{"batch":1,"no_wait":true}';
/** Every write of the server is synced: on a busy machine that takes its time. */
const ANSWER_WITHIN_MS = 15_000;
const NEVER = new AbortController().signal;

/** A raw client of the bus with one user's key, which tells what the server refused it. */
export class BusClient implements AsyncDisposable {
  readonly connection: NatsConnection;
  readonly #refused = new Set<string>();

  private constructor(connection: NatsConnection) {
    this.connection = connection;
    void this.#watch();
  }

  static async connect(url: string, seed: string, inboxPrefix?: string): Promise<BusClient> {
    const connection = await connect({
      servers: url,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      reconnect: false,
      ...(inboxPrefix ? { inboxPrefix } : {}),
    });
    return new BusClient(connection);
  }

  /** The cells that the server refused, out of `cells`, each of which is tried. */
  async refusedOf(cells: readonly Cell[], body = NO_WAIT): Promise<Set<Cell>> {
    this.#refused.clear();
    for (const { does, subject } of cells) {
      if (does === 'publish') this.connection.publish(subject, body);
      else this.connection.subscribe(subject, { callback: () => undefined });
    }
    // The server answers in order: every refusal is on its way before the answer to this.
    await this.connection.flush();
    let seen = -1;
    await waitFor('the refusals to be read', () => {
      const settled = seen === this.#refused.size;
      seen = this.#refused.size;
      return settled;
    });
    return new Set(cells.filter(({ does, subject }) => this.#refused.has(`${does} ${subject}`)));
  }

  /** Publishes with a reply subject and headers of the caller's choice, and waits until the server has read it. */
  async publishRaw(
    subject: string,
    body: string,
    options: { reply?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<void> {
    const set = headers();
    for (const [name, value] of Object.entries(options.headers ?? {})) set.set(name, value);
    this.connection.publish(subject, body, {
      ...(options.reply ? { reply: options.reply } : {}),
      ...(options.headers ? { headers: set } : {}),
    });
    await this.connection.flush();
  }

  /** Asks as any client does, and is answered in the inbox it may read. */
  request(subject: string, body: string | Uint8Array): Promise<Msg> {
    return this.connection.request(subject, body, { timeout: ANSWER_WITHIN_MS });
  }

  /** The next message of a consumer of this agent; it is not acknowledged. */
  async pull(stream: string, agent: string): Promise<Msg> {
    // Not a request: what is delivered bears the subject it was published on, not that of the inbox.
    const inbox = `_INBOX_${agent}.pull`;
    const { promise, resolve } = Promise.withResolvers<Msg>();
    const subscription = this.connection.subscribe(inbox, {
      max: 1,
      callback: (_error, message) => resolve(message),
    });
    const reply = { reply: inbox };
    this.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${agent}`, NO_WAIT, reply);
    try {
      return await withDeadline(`a message of ${stream}`, ANSWER_WITHIN_MS, NEVER, () => promise);
    } finally {
      subscription.unsubscribe();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      this.#refused.add(`${operation === 'publish' ? 'publish' : 'subscribe'} ${subject}`);
    }
  }
}

import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, nkeyAuthenticator } from 'nats';
import { FLEET } from '#lab/local/servers.ts';

/** Sees every message of the fleet as it is published, from control's account. It changes nothing. */
export class BusObserver {
  readonly #connection: NatsConnection;
  readonly #watchers = new Set<(subject: string) => void>();

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    // Not `>`: that would count as interest in the inboxes of dead clients, and the server would deliver to them.
    for (const subjects of [`${FLEET}.>`, `roundtable.events.${FLEET}.>`]) {
      connection.subscribe(subjects, {
        callback: (_error, message) => {
          for (const watcher of this.#watchers) watcher(message.subject);
        },
      });
    }
  }

  static async connect(url: string, seed: string): Promise<BusObserver> {
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
    const options = { servers: url, authenticator, maxReconnectAttempts: -1, reconnectTimeWait: 20 };
    return new BusObserver(await connect(options));
  }

  /** Resolves when a message whose subject matches is published from now on. */
  next(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const watcher = (subject: string): void => {
      if (pattern.test(subject)) resolve(subject);
    };
    this.#watchers.add(watcher);
    const timer = setTimeout(
      () => reject(new Error(`no message on ${pattern} in ${timeoutMs} ms`)),
      timeoutMs,
    );
    return promise.finally(() => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
  }

  /** How many messages of a consumer are out for at least the second time. */
  async redelivered(stream: string, durable: string): Promise<number> {
    const manager = await jetstreamManager(this.#connection);
    return (await manager.consumers.info(stream, durable)).num_redelivered;
  }

  /** How many pulls wait for a message of a consumer: what is published now is taken by one of them. */
  async pullsOf(stream: string, durable: string): Promise<number> {
    const manager = await jetstreamManager(this.#connection);
    return (await manager.consumers.info(stream, durable)).num_waiting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

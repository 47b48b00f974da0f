import { type JetStreamManager, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type Msg, type NatsConnection, nkeyAuthenticator } from 'nats';
import { controlDurable, streamNames } from '#core/streams.ts';
import { FLEET } from '#lab/local/servers.ts';

/** Marks what is published again, so that it is not taken for the fleet's own. */
const REPLAY_HEADER = 'Olympus-Replay';
const REMEMBERED = 500;

/** A message as it was on the bus. */
export interface Recorded {
  readonly subject: string;
  readonly body: string;
  readonly msgId: string;
}

export type RecordedKind = 'tasks' | 'results' | 'runs';

/** Connects to nats-server as one of its users, for as long as it takes. */
export function connectAs(url: string, seed: string, inboxPrefix?: string): Promise<NatsConnection> {
  return connect({
    servers: url,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    waitOnFirstConnect: true,
    ...(inboxPrefix ? { inboxPrefix } : {}),
  });
}

/** The bus as control's account sees it, beside control: it records, publishes again, and counts. */
export class ChaosBus implements AsyncDisposable {
  readonly #connection: NatsConnection;
  readonly #recorded: Readonly<Record<RecordedKind, Recorded[]>> = { tasks: [], results: [], runs: [] };

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    for (const kind of ['tasks', 'results', 'runs'] as const) {
      connection.subscribe(`${FLEET}.${kind}.>`, {
        callback: (_error, message) => this.#record(kind, message),
      });
    }
  }

  static async open(url: string, seed: string): Promise<ChaosBus> {
    return new ChaosBus(await connectAs(url, seed));
  }

  /** The last messages of this kind, oldest first. */
  recorded(kind: RecordedKind): readonly Recorded[] {
    return this.#recorded[kind];
  }

  /** Publishes what was there before, with its own id or another. True when the stream took it once more. */
  async again(message: Recorded, msgId: string): Promise<boolean> {
    const marked = headers();
    marked.set(REPLAY_HEADER, '1');
    const { subject, body } = message;
    const ack = await jetstream(this.#connection).publish(subject, body, { msgID: msgId, headers: marked });
    return !ack.duplicate;
  }

  /** How many messages lie in each of these, and what control has still to read. */
  async standing(): Promise<{ requests: number; tasks: number; unread: number }> {
    const manager = await this.#manager();
    const inStream = async (name: string): Promise<number> =>
      (await manager.streams.info(name)).state.messages;
    const unreadIn = async (name: string): Promise<number> => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(name, controlDurable);
      return num_pending + num_ack_pending;
    };
    return {
      requests: await inStream(streamNames.requests),
      tasks: await inStream(streamNames.tasks),
      unread: (await unreadIn(streamNames.results)) + (await unreadIn(streamNames.runlog)),
    };
  }

  async isReleased(subject: string): Promise<boolean> {
    const manager = await this.#manager();
    return (await manager.streams.getMessage(streamNames.tasks, { last_by_subj: subject })) !== null;
  }

  /** Ids of events that stand in a stream more often than they were told: each fact is told once. */
  async toldTwice(): Promise<string[]> {
    const twice: string[] = [];
    for (const stream of [streamNames.events, streamNames.runlog, streamNames.results]) {
      const seen = new Set<string>();
      await this.#readAll(stream, (message) => {
        if (message.headers?.has(REPLAY_HEADER)) return;
        const { id } = message.json<{ id: string }>();
        if (seen.has(id)) twice.push(`${message.subject} (${id}) stands in ${stream} twice`);
        seen.add(id);
      });
    }
    return twice;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  #record(kind: RecordedKind, message: Msg): void {
    const msgId = message.headers?.get('Nats-Msg-Id');
    if (!msgId || message.headers?.has(REPLAY_HEADER)) return;
    const list = this.#recorded[kind];
    list.push({ subject: message.subject, body: message.string(), msgId });
    if (list.length > REMEMBERED) list.shift();
  }

  async #readAll(stream: string, take: (message: JsMsg) => void): Promise<void> {
    const consumer = await jetstream(this.#connection).consumers.get(stream);
    const { num_pending: total } = await consumer.info();
    if (total === 0) return;
    let left = total;
    for await (const message of await consumer.consume()) {
      take(message);
      left -= 1;
      if (left === 0) break;
    }
  }

  #manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#connection, { checkAPI: false, timeout: 5000 });
  }
}

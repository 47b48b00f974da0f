import { type JetStreamManager, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type Msg, type NatsConnection, nkeyAuthenticator } from 'nats';
import { controlDurable, streamNames } from '#core/streams.ts';
import { FLEET } from '#lab/local/servers.ts';
import { waitFor } from '../wait.ts';

/** Marks what is published again, so that it is not taken for the fleet's own. */
const REPLAY_HEADER = 'Olympus-Replay';
const REMEMBERED = 500;
const PATIENCE_MS = 30_000;

/** A message as it was on the bus. */
export interface Recorded {
  readonly subject: string;
  readonly body: string;
  readonly msgId: string;
}

export type RecordedKind = 'tasks' | 'results' | 'runs';

export interface Standing {
  readonly requests: number;
  readonly tasks: number;
  readonly unread: number;
}

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
  standing(): Promise<Standing> {
    return patiently('the streams to tell how they stand', () => this.#standing());
  }

  async #standing(): Promise<Standing> {
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

  isReleased(subject: string): Promise<boolean> {
    return patiently(`${streamNames.tasks} to be looked at`, async () => {
      const manager = await this.#manager();
      return (await manager.streams.getMessage(streamNames.tasks, { last_by_subj: subject })) !== null;
    });
  }

  /** Ids of events that stand in a stream more often than they were told: each fact is told once. */
  async toldTwice(): Promise<string[]> {
    const twice: string[] = [];
    for (const stream of [streamNames.events, streamNames.runlog, streamNames.results]) {
      const seen = new Set<string>();
      const messages = await patiently(`${stream} to be read`, () => this.#readAll(stream));
      for (const message of messages) {
        if (message.headers?.has(REPLAY_HEADER)) continue;
        const { id } = message.json<{ id: string }>();
        if (seen.has(id)) twice.push(`${message.subject} (${id}) stands in ${stream} twice`);
        seen.add(id);
      }
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

  async #readAll(stream: string): Promise<JsMsg[]> {
    const consumer = await jetstream(this.#connection).consumers.get(stream);
    const { num_pending: total } = await consumer.info();
    const messages: JsMsg[] = [];
    if (total === 0) return messages;
    for await (const message of await consumer.consume()) {
      messages.push(message);
      if (messages.length === total) break;
    }
    return messages;
  }

  #manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#connection, { checkAPI: false, timeout: 5000 });
  }
}

/** Reading may be done again: what was asked while nats-server was killed is never answered. */
function patiently<T>(what: string, read: () => Promise<T>): Promise<T> {
  const answer = async (): Promise<{ readonly value: T }> => ({ value: await read() });
  return waitFor(what, answer, { timeoutMs: PATIENCE_MS }).then(({ value }) => value);
}

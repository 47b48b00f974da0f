import { z } from 'zod';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { OutboxEntry, OutboxSource } from '#lib/relay.ts';

/** A message for the bus. */
export const BusEffect = z.object({ subject: z.string(), msgId: z.string(), body: z.string() });
export type BusEffect = z.output<typeof BusEffect>;

/** Something to do in chat. */
export const ChatEffect = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('post'),
    channelId: z.string(),
    rootId: z.string(),
    message: z.string(),
    marker: z.string(),
    depth: z.int(),
  }),
  z.object({
    kind: z.literal('react'),
    postId: z.string(),
    emoji: z.string(),
    /** Shown instead when an effect whose key begins with `of` was refused: no ✅ over an answer that is not there. */
    unless: z.object({ of: z.string(), emoji: z.string() }).optional(),
  }),
  z.object({ kind: z.literal('unreact'), postId: z.string(), emoji: z.string() }),
]);
export type ChatEffect = z.output<typeof ChatEffect>;

/** An answer that is to be an artifact first; then the result that names it goes to the bus under `key`. */
export const UploadEffect = z.object({ text: z.string(), key: z.string(), result: BusEffect });
export type UploadEffect = z.output<typeof UploadEffect>;

export type Lane = 'bus' | 'chat' | 'upload';

/** What has to go out, in order of writing. `key` is the idempotency key: adding it a second time does nothing. */
export class OutboxStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  addBus(key: string, effect: BusEffect): void {
    this.#add('bus', key, effect);
  }

  addChat(key: string, effect: ChatEffect): void {
    this.#add('chat', key, effect);
  }

  addUpload(key: string, effect: UploadEffect): void {
    this.#add('upload', key, effect);
  }

  /** One lane as a relay reads it. */
  source(lane: Lane): OutboxSource {
    return {
      next: async () => this.#next(lane),
      begin: async (id) => {
        this.#db.run('UPDATE outbox SET attempts = attempts + 1 WHERE id = ?', id);
      },
      done: async (id) => {
        this.#db.run('UPDATE outbox SET done_at = ? WHERE id = ?', this.#clock.now(), id);
      },
      isDone: async (key) =>
        this.#db.get('SELECT 1 FROM outbox WHERE key = ? AND done_at IS NOT NULL', key) !== undefined,
    };
  }

  /** Ends an effect that was refused for good; the reason stays readable. */
  refused(id: number, error: string): void {
    this.#db.run('UPDATE outbox SET done_at = ?, error = ? WHERE id = ?', this.#clock.now(), error, id);
  }

  /** Whether an effect whose key begins with `prefix` was refused for good. */
  anyRefused(prefix: string): boolean {
    const row = this.#db.get(
      'SELECT 1 FROM outbox WHERE key >= ? AND key < ? AND error IS NOT NULL',
      prefix,
      `${prefix}\u{10ffff}`,
    );
    return row !== undefined;
  }

  pending(lane: Lane): number {
    const row = this.#db.get('SELECT count(*) AS n FROM outbox WHERE lane = ? AND done_at IS NULL', lane);
    return Number(row?.['n'] ?? 0);
  }

  #next(lane: Lane): OutboxEntry | undefined {
    const row = this.#db.get(
      'SELECT id, key, payload, attempts FROM outbox WHERE lane = ? AND done_at IS NULL ORDER BY id LIMIT 1',
      lane,
    );
    if (!row) return undefined;
    return {
      id: Number(row['id']),
      key: String(row['key']),
      payload: JSON.parse(String(row['payload'])),
      attempts: Number(row['attempts']),
    };
  }

  #add(lane: Lane, key: string, payload: unknown): void {
    this.#db.run(
      'INSERT INTO outbox (lane, key, payload, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING',
      lane,
      key,
      JSON.stringify(payload),
      this.#clock.now(),
    );
  }
}

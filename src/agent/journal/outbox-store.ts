import { z } from 'zod';
import { Card } from '#core/card.ts';
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
    /** With buttons below it. */
    card: Card.optional(),
    /** With a text as a file, and what the post says instead where chat takes none. */
    file: z.object({ name: z.string(), text: z.string(), otherwise: z.string() }).optional(),
  }),
  z.object({
    kind: z.literal('close-card'),
    /** Where the card is. */
    channelId: z.string(),
    rootId: z.string(),
    marker: z.string(),
    depth: z.int(),
    /** What it says from now on. */
    message: z.string(),
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
export type PostEffect = Extract<ChatEffect, { kind: 'post' }>;

/** An answer that is to be an artifact first; then the result that names it goes to the bus under `key`. */
export const UploadEffect = z.object({ text: z.string(), key: z.string(), result: BusEffect });
export type UploadEffect = z.output<typeof UploadEffect>;

/**
 * A request that waits for the files that came with its post; with their names in it, it goes to the bus under `key`. Also what is
 * said after it in the same conversation, without any.
 */
export const FilesEffect = z.object({
  fileIds: z.array(z.string()),
  /** Where what was left out is told. */
  post: z.object({ id: z.string(), channelId: z.string(), rootId: z.string() }),
  key: z.string(),
  request: BusEffect,
});
export type FilesEffect = z.output<typeof FilesEffect>;

/** Begins the keys of what keeps its order among its like, on its way to the bus. */
export const ORDERED = 'command:';

/** Ends the key of what an effect comes after; behind it stands which one it is of those that do. */
export const AFTER = '#';

/** Results and events say themselves where they belong; of what people say, the last word has to come last. */
function laneOf(key: string): string {
  return key.startsWith(ORDERED) ? ORDERED : (key.split(AFTER)[0] ?? key);
}

export type Lane = 'bus' | 'chat' | 'upload' | 'files';

/** What has to go out, in order of writing. `key` is the idempotency key: adding it a second time does nothing. */
export class OutboxStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;
  /** What a former process has left: it may have been sent. */
  readonly #leftUntil: number;
  /** Messages for the bus whose sending was begun by this process and has not been seen to succeed. */
  readonly #begun = new Set<number>();

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#leftUntil = Number(db.get('SELECT max(id) AS id FROM outbox')?.['id'] ?? 0);
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

  addFiles(key: string, effect: FilesEffect): void {
    this.#add('files', key, effect);
  }

  /** One lane as a relay reads it. */
  source(lane: Lane): OutboxSource {
    return {
      next: async (limit) => this.#next(lane, limit),
      begin: async (ids) => {
        // The message id makes a second publish harmless, so no trace of the attempt is needed on disk before it.
        if (lane === 'bus') for (const id of ids) this.#begun.add(id);
        else
          await this.#db.exclusive(() => {
            for (const id of ids) this.#db.run('UPDATE outbox SET attempts = attempts + 1 WHERE id = ?', id);
          });
      },
      done: async (ids) => {
        const now = this.#clock.now();
        await this.#db.lazily(() => {
          for (const id of ids) this.#db.run('UPDATE outbox SET done_at = ? WHERE id = ?', now, id);
        });
        for (const id of ids) this.#begun.delete(id);
      },
      isDone: async (key) =>
        this.#db.get('SELECT 1 FROM outbox WHERE key = ? AND done_at IS NOT NULL', key) !== undefined,
    };
  }

  /** When an effect was written down. */
  writtenAt(id: number): number {
    return Number(this.#db.get('SELECT created_at FROM outbox WHERE id = ?', id)?.['created_at'] ?? 0);
  }

  /** Whether something of this conversation still waits for files: what comes after it there has to wait behind it. */
  waitsForFiles({ channelId, rootId }: { readonly channelId: string; readonly rootId: string }): boolean {
    const row = this.#db.get(
      `SELECT 1 FROM outbox WHERE lane = 'files' AND done_at IS NULL
         AND json_extract(payload, '$.post.channelId') = ? AND json_extract(payload, '$.post.rootId') = ?`,
      channelId,
      rootId,
    );
    return row !== undefined;
  }

  /** Ends an effect that was refused for good; the reason stays readable. */
  refused(id: number, error: string): void {
    this.#db.run('UPDATE outbox SET done_at = ?, error = ? WHERE id = ?', this.#clock.now(), error, id);
  }

  /** Takes back what was not sent to the bus of one effect, and of those whose keys begin with `prefix`. */
  takeBack(keys: readonly string[], prefix: string): void {
    for (const key of keys) this.#db.run('DELETE FROM outbox WHERE done_at IS NULL AND key = ?', key);
    this.#db.run(
      "DELETE FROM outbox WHERE lane = 'bus' AND done_at IS NULL AND key >= ? AND key < ?",
      prefix,
      `${prefix}\u{10ffff}`,
    );
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

  #next(lane: Lane, limit: number): OutboxEntry[] {
    return this.#db
      .all(
        // Of what keeps its order only the first: what waits behind it would hide what others could send.
        `SELECT id, key, payload, attempts FROM outbox WHERE lane = ?1 AND done_at IS NULL
           AND (key NOT BETWEEN '${ORDERED}' AND '${ORDERED}~' OR id = (
             SELECT min(id) FROM outbox WHERE key BETWEEN '${ORDERED}' AND '${ORDERED}~' AND done_at IS NULL))
         ORDER BY id LIMIT ?2`,
        lane,
        limit,
      )
      .map((row) => {
        const payload = JSON.parse(String(row['payload']));
        const id = Number(row['id']);
        const key = String(row['key']);
        const begun = id <= this.#leftUntil || this.#begun.has(id);
        return {
          id,
          key,
          lane: lane === 'bus' ? laneOf(key) : lane,
          payload,
          attempts: lane === 'bus' ? Number(begun) : Number(row['attempts']),
        };
      });
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

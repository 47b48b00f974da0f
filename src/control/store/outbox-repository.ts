import { laneOf } from '#core/subjects.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { OutboxSource } from '#lib/relay.ts';

export interface BusEffect {
  readonly subject: string;
  readonly msgId: string;
  readonly body: string;
}

/**
 * The first of each lane that was not sent, so that a long one holds nothing else back; found by skipping from lane to lane
 * (a loose index scan), so that a long one costs no more than a short one.
 */
const HEADS = `
  WITH RECURSIVE
    sent (id) AS MATERIALIZED (SELECT value FROM json_each(?1)),
    lanes (lane) AS (
      SELECT min(lane) FROM outbox WHERE lane IS NOT NULL
      UNION ALL
      SELECT (SELECT min(lane) FROM outbox WHERE lane > lanes.lane) FROM lanes WHERE lanes.lane IS NOT NULL
    ),
    heads (id) AS (
      SELECT (SELECT id FROM outbox WHERE outbox.lane = lanes.lane AND id NOT IN sent ORDER BY id LIMIT 1)
      FROM lanes WHERE lanes.lane IS NOT NULL
      UNION ALL
      SELECT id FROM (SELECT id FROM outbox WHERE lane IS NULL AND id NOT IN sent ORDER BY id LIMIT ?2)
    )
  SELECT outbox.* FROM heads JOIN outbox USING (id) ORDER BY id LIMIT ?2`;

/** What control has still to publish, in order of decision. */
export class OutboxRepository {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async add(effect: BusEffect): Promise<void> {
    this.#db.run(
      'INSERT INTO outbox (msg_id, subject, lane, body, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (msg_id) DO NOTHING',
      effect.msgId,
      effect.subject,
      laneOf(effect.subject) ?? null,
      effect.body,
      this.#clock.now(),
    );
  }

  async pending(): Promise<number> {
    return Number(this.#db.get('SELECT count(*) AS n FROM outbox')?.['n'] ?? 0);
  }

  source(write: <T>(work: () => Promise<T>) => Promise<T>): OutboxSource {
    return {
      next: async (limit, sent) =>
        this.#db.all(HEADS, JSON.stringify(sent), limit).map((row) => {
          const effect: BusEffect = {
            subject: String(row['subject']),
            msgId: String(row['msg_id']),
            body: String(row['body']),
          };
          return {
            id: Number(row['id']),
            key: effect.msgId,
            lane: row['lane'] === null ? effect.msgId : String(row['lane']),
            payload: effect,
            attempts: Number(row['attempts']),
          };
        }),
      // The message id makes a second publish harmless, so no trace of the attempt is needed before it.
      begin: async () => undefined,
      done: (ids) =>
        write(async () => {
          for (const id of ids) this.#db.run('DELETE FROM outbox WHERE id = ?', id);
        }),
      isDone: async (key) => this.#db.get('SELECT 1 FROM outbox WHERE msg_id = ?', key) === undefined,
    };
  }
}

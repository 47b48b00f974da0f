import { isLogged, laneOf } from '#core/subjects.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { OutboxEntry, OutboxSource } from '#lib/relay.ts';

export interface BusEffect {
  readonly subject: string;
  readonly msgId: string;
  readonly body: string;
}

/**
 * The first of each lane that was not sent, so that a long one holds nothing else back; found by skipping from lane to lane
 * (a loose index scan), so that a long one costs no more than a short one.
 */
const FIRST_OF_LANES = `
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
      next: async (limit, sent) => this.#next(limit, sent),
      // The message id makes a second publish harmless, so no trace of the attempt is needed before it.
      begin: async () => undefined,
      done: (ids) =>
        write(async () => {
          for (const id of ids) this.#db.run('DELETE FROM outbox WHERE id = ?', id);
        }),
      isDone: async (key) => this.#db.get('SELECT 1 FROM outbox WHERE msg_id = ?', key) === undefined,
    };
  }

  #next(limit: number, sent: readonly number[]): OutboxEntry[] {
    const alone = this.#db.all('SELECT * FROM outbox WHERE lane IS NULL ORDER BY id LIMIT ?', limit);
    // Asked first, since it is asked for each task and the answer is mostly no.
    const anyLane = this.#db.get('SELECT 1 FROM outbox WHERE lane IS NOT NULL LIMIT 1') !== undefined;
    const heads = anyLane ? this.#db.all(FIRST_OF_LANES, JSON.stringify(sent), limit) : [];
    const entries = [...alone, ...heads].map(entryOf).sort((a, b) => a.id - b.id);
    return entries.slice(0, limit).sort((a, b) => a.rank - b.rank);
  }
}

function entryOf(row: Row): OutboxEntry & { readonly rank: number } {
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
    // The server writes one after another to disk: what somebody waits for goes before what only tells what has happened.
    rank: isLogged(effect.subject) ? 1 : 0,
  };
}

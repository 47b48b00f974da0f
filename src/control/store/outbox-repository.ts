import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { OutboxSource } from '#lib/relay.ts';

export interface BusEffect {
  readonly subject: string;
  readonly msgId: string;
  readonly body: string;
}

/** What control has to publish, in order of decision. */
export class OutboxRepository {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async add(effect: BusEffect): Promise<void> {
    this.#db.run(
      'INSERT INTO outbox (msg_id, subject, body, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (msg_id) DO NOTHING',
      effect.msgId,
      effect.subject,
      effect.body,
      this.#clock.now(),
    );
  }

  async pending(): Promise<number> {
    return Number(this.#db.get('SELECT count(*) AS n FROM outbox WHERE done_at IS NULL')?.['n'] ?? 0);
  }

  async prune(before: number): Promise<void> {
    this.#db.run('DELETE FROM outbox WHERE done_at < ?', before);
  }

  source(exclusive: <T>(work: () => Promise<T>) => Promise<T>): OutboxSource {
    return {
      next: async () => {
        const row = this.#db.get('SELECT * FROM outbox WHERE done_at IS NULL ORDER BY id LIMIT 1');
        if (!row) return undefined;
        const effect: BusEffect = {
          subject: String(row['subject']),
          msgId: String(row['msg_id']),
          body: String(row['body']),
        };
        return {
          id: Number(row['id']),
          key: effect.msgId,
          payload: effect,
          attempts: Number(row['attempts']),
        };
      },
      // The message id makes a second publish harmless, so no trace of the attempt is needed before it.
      begin: async () => undefined,
      done: (id) =>
        exclusive(async () => {
          this.#db.run('UPDATE outbox SET done_at = ? WHERE id = ?', this.#clock.now(), id);
        }),
      isDone: async (key) =>
        this.#db.get('SELECT 1 FROM outbox WHERE msg_id = ? AND done_at IS NOT NULL', key) !== undefined,
    };
  }
}

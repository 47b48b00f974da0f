import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';

/** The cards that people were shown, and which of them are closed. */
export class CardStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** False for one that is closed already: what closes it may have come before it. */
  open(id: string): boolean {
    this.#db.run(
      'INSERT INTO cards (card_id, seen_at) VALUES (?, ?) ON CONFLICT DO NOTHING',
      id,
      this.#clock.now(),
    );
    return this.#db.get('SELECT 1 FROM cards WHERE card_id = ? AND closed_at IS NULL', id) !== undefined;
  }

  close(id: string): void {
    this.#db.run(
      'INSERT INTO cards (card_id, seen_at, closed_at) VALUES (?1, ?2, ?2) ON CONFLICT (card_id) DO UPDATE SET closed_at = ?2',
      id,
      this.#clock.now(),
    );
  }

  /** Whether there is anything to press. */
  anyOpen(): boolean {
    return this.#db.get('SELECT 1 FROM cards WHERE closed_at IS NULL LIMIT 1') !== undefined;
  }
}

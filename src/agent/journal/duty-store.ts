import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';

/** Whether this agent is to take new work, as control said last. */
export class DutyStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  get takesWork(): boolean {
    return this.#db.get('SELECT 1 FROM drained') === undefined;
  }

  drain(): void {
    this.#db.run('INSERT INTO drained (id, since) VALUES (1, ?) ON CONFLICT DO NOTHING', this.#clock.now());
  }

  resume(): void {
    this.#db.run('DELETE FROM drained');
  }
}

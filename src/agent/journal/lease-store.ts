import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** The sequence under which this agent's lease was last written by us: what the next process needs to take it over at once. */
export class LeaseStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** 0 when no process of this journal ever held it. */
  get sequence(): number {
    return Number(this.#db.get('SELECT sequence FROM lease')?.['sequence'] ?? 0);
  }

  wrote(sequence: number): void {
    this.#db.run(
      'INSERT INTO lease (id, sequence) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence',
      sequence,
    );
  }
}

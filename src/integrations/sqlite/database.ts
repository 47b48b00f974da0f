import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/**
 * One SQLite file in WAL mode with `synchronous=FULL`: what a finished transaction wrote survives a power cut.
 * Migrations are applied in order, each once, recorded in `user_version`.
 *
 * INVARIANT: transactions never interleave. `transaction` is synchronous; `exclusive` queues.
 */
export class SqliteDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(file: string, migrations: readonly string[]) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(file);
    this.#db.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000;',
    );
    this.#migrate(migrations);
  }

  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#prepare(sql).run(...(values as SQLInputValue[])).changes);
  }

  get(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#prepare(sql).get(...(values as SQLInputValue[]));
  }

  all(sql: string, ...values: SqlValue[]): Row[] {
    return this.#prepare(sql).all(...(values as SQLInputValue[]));
  }

  /** All of `work` or nothing of it. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** The same for asynchronous work, one after another in the order asked. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#queue.then(async () => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const result = await work();
        this.#db.exec('COMMIT');
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
    this.#queue = mine.catch(() => undefined);
    return mine;
  }

  /** Waits for queued work, then closes the file. */
  async close(): Promise<void> {
    await this.#queue;
    this.#statements.clear();
    this.#db.close();
  }

  /** Where the disk is full SQLite has done that itself; asking once more would hide why. */
  #rollBack(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #migrate(migrations: readonly string[]): void {
    const applied = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
    if (applied > migrations.length) {
      throw new Error(
        `the database is of version ${applied}, this program knows ${migrations.length}: start the newer release again`,
      );
    }
    for (const [index, migration] of migrations.entries()) {
      if (index < applied) continue;
      this.transaction(() => {
        this.#db.exec(migration);
        this.#db.exec(`PRAGMA user_version=${index + 1}`);
      });
    }
  }
}

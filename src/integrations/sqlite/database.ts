import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/** How many pieces of queued work one commit takes at most: beyond it the first waits too long for the last. */
const GROUP_LIMIT = 256;
/** How long work that nobody waits for may wait for a commit that it can join. */
const LAZY_MS = 50;

/** Work that waits for its turn. `perform` does it and remembers how it went; `settle` tells its caller. */
interface Queued {
  readonly perform: () => Promise<void> | void;
  readonly settle: (commitFailure?: unknown) => void;
}

/**
 * One SQLite file in WAL mode with `synchronous=FULL`: what a finished transaction wrote survives a power cut.
 * Migrations are applied in order, each once, recorded in `user_version`.
 *
 * INVARIANT: transactions never interleave. `transaction` is synchronous; `exclusive` queues, and what has queued up
 * shares one commit (group commit, Gray and Reuter, section 9.4.7), each piece behind a savepoint of its own.
 */
export class SqliteDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #queued: Queued[] = [];
  #lazy: Queued[] = [];
  #lazyTimer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #trouble: string | undefined;
  #failedCommits = 0;
  #rolledBack = 0;

  constructor(file: string, migrations: readonly string[]) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(file);
    this.#db.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000; PRAGMA cache_size=-16384;',
    );
    this.#migrate(migrations);
  }

  /** Why queued work could not be committed; undefined before that, and once `probe` has shown that it can be again. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** How many commits of queued work have failed. */
  get failedCommits(): number {
    return this.#failedCommits;
  }

  /** How often something that was written has been taken back: what was read between may not be so any more. */
  get rolledBack(): number {
    return this.#rolledBack;
  }

  /** Queues the smallest write there is, which shows whether there is still trouble. */
  async probe(): Promise<void> {
    await this.exclusive(() => {
      const { user_version } = this.get('PRAGMA user_version') ?? {};
      this.#db.exec(`PRAGMA user_version=${Number(user_version)}`);
    });
    // Other commits say nothing: one that wrote nothing goes through on a full disk.
    this.#trouble = undefined;
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
    this.#exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#exec('COMMIT');
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /**
   * The same for work that can wait for its turn: one after another in the order asked. Resolves once it is on disk;
   * work that throws leaves nothing behind and takes nothing from its neighbours. Asynchronous work must wait for
   * nothing but this database, and reads of others on this connection may then see what is not committed yet.
   */
  exclusive<T>(work: () => Promise<T> | T): Promise<T> {
    const { promise, queued } = this.#prepareWork(work);
    this.#queued.push(queued);
    this.#working ??= this.#workOff();
    return promise;
  }

  /** The same for work that nobody waits for, and whose order does not matter: it joins the next commit, if one comes soon. */
  lazily<T>(work: () => Promise<T> | T): Promise<T> {
    const { promise, queued } = this.#prepareWork(work);
    this.#lazy.push(queued);
    this.#lazyTimer ??= setTimeout(() => this.#workOffLazy(), LAZY_MS);
    return promise;
  }

  #workOffLazy(): void {
    clearTimeout(this.#lazyTimer);
    this.#lazyTimer = undefined;
    this.#queued.push(...this.#lazy.splice(0));
    if (this.#queued.length > 0) this.#working ??= this.#workOff();
  }

  #prepareWork<T>(work: () => Promise<T> | T): { promise: Promise<T>; queued: Queued } {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let outcome: () => void;
    const done = (result: T): void => {
      this.#exec('RELEASE work');
      outcome = () => resolve(result);
    };
    const failed = (error: unknown): void => {
      // A full disk ends the whole transaction by itself.
      if (!this.#db.isTransaction) throw error;
      this.#rolledBack += 1;
      this.#exec('ROLLBACK TO work');
      this.#exec('RELEASE work');
      outcome = () => reject(error);
    };
    const queued: Queued = {
      perform: () => {
        this.#exec('SAVEPOINT work');
        try {
          const result = work();
          if (result instanceof Promise) return result.then(done, failed);
          done(result);
        } catch (error) {
          failed(error);
        }
        return undefined;
      },
      settle: (failure) => (failure === undefined ? outcome() : reject(failure)),
    };
    return { promise, queued };
  }

  /** Waits for queued work, then closes the file. */
  async close(): Promise<void> {
    this.#workOffLazy();
    await this.#working;
    this.#statements.clear();
    this.#db.close();
  }

  async #workOff(): Promise<void> {
    while (this.#queued.length > 0) {
      // Everything that has arrived by now joins the commit.
      await setImmediate();
      this.#workOffLazy();
      await this.#commitGroup(this.#queued.splice(0, GROUP_LIMIT));
    }
    this.#working = undefined;
  }

  async #commitGroup(group: readonly Queued[]): Promise<void> {
    let failure: unknown;
    try {
      this.#exec('BEGIN IMMEDIATE');
      for (const { perform } of group) {
        const performing = perform();
        if (performing) await performing;
      }
      this.#exec('COMMIT');
    } catch (error) {
      failure = error;
      this.#failedCommits += 1;
      this.#trouble = error instanceof Error ? error.message : String(error);
      try {
        this.#rollBack();
      } catch {
        // The first error is why. The next group cannot begin before this is done, and does it first.
      }
    }
    for (const { settle } of group) settle(failure);
  }

  /** Where the disk is full SQLite has done that itself; asking once more would hide why. */
  #rollBack(): void {
    this.#rolledBack += 1;
    if (this.#db.isTransaction) this.#exec('ROLLBACK');
  }

  #exec(sql: string): void {
    this.#prepare(sql).run();
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

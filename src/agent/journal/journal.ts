import path from 'node:path';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import { DutyStore } from './duty-store.ts';
import { InboxStore } from './inbox-store.ts';
import { OutboxStore } from './outbox-store.ts';
import { RunStore } from './run-store.ts';
import { journalMigrations } from './schema.ts';

/** Rows that are done are kept this long: the longest a message can wait on the bus, and a day. */
const KEEP_MS = 31 * 24 * 3600 * 1000;

/**
 * What this daemon has taken on, on disk before anything is done about it. After any crash it says what is left to do.
 * One SQLite file; `transaction` makes several writes one, and resolves when they are on disk.
 */
export class Journal implements Part {
  readonly name = 'journal';
  readonly duty: DutyStore;
  readonly inbox: InboxStore;
  readonly runs: RunStore;
  readonly outbox: OutboxStore;
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(options: { stateDir: string; clock: Clock }) {
    this.#clock = options.clock;
    this.#db = new SqliteDatabase(path.join(options.stateDir, 'journal.sqlite'), journalMigrations);
    this.duty = new DutyStore(this.#db, options.clock);
    this.inbox = new InboxStore(this.#db, options.clock);
    this.runs = new RunStore(this.#db, options.clock);
    this.outbox = new OutboxStore(this.#db, options.clock);
  }

  transaction<T>(work: () => T): Promise<T> {
    return this.#db.exclusive(work);
  }

  async start(): Promise<void> {
    const before = this.#clock.now() - KEEP_MS;
    this.#db.transaction(() => {
      this.#db.run('DELETE FROM outbox WHERE done_at < ?', before);
      this.#db.run('DELETE FROM inbox WHERE settled_at < ?', before);
      this.#db.run('DELETE FROM cancels WHERE asked_at < ?', before);
      this.#db.run("DELETE FROM runs WHERE state IN ('published', 'discarded') AND claimed_at < ?", before);
    });
  }

  async stop(): Promise<void> {
    await this.#db.close();
  }

  health(): Health {
    return { live: true, ready: true };
  }
}

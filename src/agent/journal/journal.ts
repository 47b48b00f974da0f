import path from 'node:path';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import { Loop } from '#lib/loop.ts';
import { AskStore } from './ask-store.ts';
import { CardStore } from './card-store.ts';
import { DutyStore } from './duty-store.ts';
import { InboxStore } from './inbox-store.ts';
import { LeaseStore } from './lease-store.ts';
import { OutboxStore } from './outbox-store.ts';
import { ProgressStore } from './progress-store.ts';
import { RunStore } from './run-store.ts';
import { RungStore } from './rung-store.ts';
import { journalMigrations } from './schema.ts';
import { WriteStore } from './write-store.ts';

/** Rows that are done are kept this long: the longest a message can wait on the bus, and a day. */
const KEEP_MS = 31 * 24 * 3600 * 1000;
const LOOK_EVERY_MS = 1000;

export interface JournalOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  /** Called when it can be written again after it could not: what was left half done is to be gone on with. */
  readonly onWritable?: () => void;
}

/**
 * What this daemon has taken on, on disk before anything is done about it. After any crash it says what is left to do.
 * One SQLite file; `transaction` makes several writes one, and resolves when they are on disk. While that fails, as on a
 * full disk, it is not ready, and looks whether it can be written again.
 */
export class Journal implements Part {
  readonly name = 'journal';
  readonly duty: DutyStore;
  readonly inbox: InboxStore;
  readonly runs: RunStore;
  readonly outbox: OutboxStore;
  readonly asks: AskStore;
  readonly cards: CardStore;
  readonly lease: LeaseStore;
  readonly progress: ProgressStore;
  readonly rungs: RungStore;
  readonly writes: WriteStore;
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;
  readonly #watch: Loop;
  /** Failed commits after which it was gone on. */
  #seenFailures = 0;

  constructor(options: JournalOptions) {
    this.#clock = options.clock;
    this.#db = new SqliteDatabase(path.join(options.stateDir, 'journal.sqlite'), journalMigrations);
    this.duty = new DutyStore(this.#db, options.clock);
    this.inbox = new InboxStore(this.#db, options.clock);
    this.runs = new RunStore(this.#db, options.clock);
    this.outbox = new OutboxStore(this.#db, options.clock);
    this.asks = new AskStore(this.#db, options.clock);
    this.cards = new CardStore(this.#db, options.clock);
    this.lease = new LeaseStore(this.#db);
    this.progress = new ProgressStore(this.#db);
    this.rungs = new RungStore(this.#db);
    this.writes = new WriteStore(this.#db, options.clock);
    this.#watch = new Loop({
      clock: options.clock,
      round: async () => {
        const { failedCommits } = this.#db;
        if (failedCommits === this.#seenFailures) return LOOK_EVERY_MS;
        await this.#db.probe();
        this.#seenFailures = failedCommits;
        options.onWritable?.();
        return LOOK_EVERY_MS;
      },
      onError: () => undefined, // It is told by `health`.
      backoff: { baseMs: LOOK_EVERY_MS, capMs: LOOK_EVERY_MS },
    });
  }

  /** False while nothing can be written down: then nothing is to be taken on. */
  get writable(): boolean {
    return this.#db.trouble === undefined;
  }

  transaction<T>(work: () => T): Promise<T> {
    return this.#db.exclusive(work);
  }

  /** The same for what nobody waits for and a crash may take: it is written with what comes next, at the latest after a moment. */
  note<T>(work: () => T): Promise<T> {
    return this.#db.lazily(work);
  }

  async start(): Promise<void> {
    const before = this.#clock.now() - KEEP_MS;
    this.#db.transaction(() => {
      this.#db.run('DELETE FROM outbox WHERE done_at < ?', before);
      this.#db.run('DELETE FROM inbox WHERE settled_at < ?', before);
      this.#db.run('DELETE FROM asks WHERE asked_at < ?', before);
      this.#db.run('DELETE FROM cancels WHERE asked_at < ?', before);
      this.#db.run('DELETE FROM cards WHERE seen_at < ?', before);
      this.#db.run('DELETE FROM writes WHERE tried_at < ?', before);
      this.#db.run(
        "DELETE FROM runs WHERE state IN ('published', 'discarded', 'abandoned') AND claimed_at < ?",
        before,
      );
      this.#db.run('DELETE FROM rungs WHERE run_id NOT IN (SELECT run_id FROM runs)');
      this.#db.run('DELETE FROM progress WHERE run_id NOT IN (SELECT run_id FROM runs)');
    });
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
    await this.#db.close();
  }

  health(): Health {
    const { trouble } = this.#db;
    if (trouble === undefined) return { live: true, ready: true };
    return { live: true, ready: false, reason: `the journal cannot be written: ${trouble}` };
  }
}

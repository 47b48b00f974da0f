import { z } from 'zod';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';

const Written = z.object({ url: z.string(), number: z.int().optional(), already: z.boolean() });
type Written = z.output<typeof Written>;

/** Something that is written to GitHub. */
export interface JournaledWrite {
  /** When it was sent last, or done without; Unix milliseconds. */
  readonly triedAt: number;
  readonly result: Written | undefined;
}

const WriteRow = z.object({ tried_at: z.number(), result: z.string().nullable() });

/** What is written to GitHub for runs, each by the key of its request: that it is sent before it is, and what came of it. */
export class WriteStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  get(key: string): JournaledWrite | undefined {
    const found = this.#db.get('SELECT tried_at, result FROM writes WHERE key = ?', key);
    if (!found) return undefined;
    const { tried_at: triedAt, result } = WriteRow.parse(found);
    return { triedAt, result: result === null ? undefined : Written.parse(JSON.parse(result)) };
  }

  trying(key: string): void {
    this.#db.run(
      'INSERT INTO writes (key, tried_at) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET tried_at = ?2',
      key,
      this.#clock.now(),
    );
  }

  done(key: string, result: Written): void {
    this.#db.run(
      'INSERT INTO writes (key, tried_at, result) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET result = ?3',
      key,
      this.#clock.now(),
      JSON.stringify(result),
    );
  }
}

import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** Longer than the requests stream keeps what was not handled: after this, no copy of a command can come any more. */
const KEPT_MS = 31 * 24 * 3600 * 1000;

/** What was said to the control plane in chat and is done: each counts once, whoever brings it. */
export class ChatCommandRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** False when it is known already. `now` in Unix ms. */
  async add(key: string, now: number): Promise<boolean> {
    return this.#db.run('INSERT INTO chat_commands VALUES (?, ?) ON CONFLICT DO NOTHING', key, now) === 1;
  }

  /** Forgets those of which no copy can come any more. */
  async prune(now: number): Promise<void> {
    this.#db.run('DELETE FROM chat_commands WHERE at <= ?', now - KEPT_MS);
  }
}

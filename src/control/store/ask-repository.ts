import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** How often somebody has asked within a minute. */
export interface Asks {
  /** This requester, through this author. */
  readonly requester: number;
  /** The author, for all of its requesters. */
  readonly author: number;
}

const WINDOW_SECONDS = 60;
const ALL = '';

/** Who has asked how often of late, what was refused included. Counted by whole seconds, so that a minute is sixty rows. */
export class AskRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** Counts one more request (`now` in Unix ms), and tells how many there were within the minute that ends with it. */
  async count(author: string, requesterId: string, now: number): Promise<Asks> {
    const second = Math.floor(now / 1000);
    return {
      requester: this.#count(author, requesterId, second),
      author: this.#count(author, ALL, second),
    };
  }

  /** Forgets what counts no more. */
  async prune(now: number): Promise<void> {
    this.#db.run('DELETE FROM asks WHERE second <= ?', Math.floor(now / 1000) - WINDOW_SECONDS);
  }

  #count(author: string, requesterId: string, second: number): number {
    const added = this.#db.run(
      'UPDATE asks SET n = n + 1 WHERE author = ? AND requester_id = ? AND second = ?',
      author,
      requesterId,
      second,
    );
    if (added === 0) {
      this.#db.run('INSERT INTO asks VALUES (?, ?, ?, 1)', author, requesterId, second);
      const over = second - WINDOW_SECONDS;
      this.#db.run(
        'DELETE FROM asks WHERE author = ? AND requester_id = ? AND second <= ?',
        author,
        requesterId,
        over,
      );
    }
    const row = this.#db.get(
      'SELECT sum(n) AS n FROM asks WHERE author = ? AND requester_id = ? AND second > ? AND second <= ?',
      author,
      requesterId,
      second - WINDOW_SECONDS,
      second, // A clock that was set back has left what is later.
    );
    return Number(row?.['n'] ?? 0);
  }
}

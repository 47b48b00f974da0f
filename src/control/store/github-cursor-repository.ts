import { z } from 'zod';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { optional } from './records.ts';

/** How far a repository was read. */
const Cursor = z.object({ since: z.number(), etag: optional(z.string()) });
export type Cursor = z.output<typeof Cursor>;

/** An open pull request of an agent. */
const WatchedPull = z.object({
  number: z.number(),
  branch: z.string(),
  sha: z.string(),
  etag: optional(z.string()),
});
export type WatchedPull = z.output<typeof WatchedPull>;

/** How far GitHub was read by the poll. */
export class GithubCursorRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** Undefined for a repository that was never read. */
  async of(repo: string): Promise<Cursor | undefined> {
    const row = this.#db.get('SELECT since, etag FROM github_cursors WHERE repo = ?', repo);
    return row && Cursor.parse(row);
  }

  async set(repo: string, { since, etag }: Cursor): Promise<void> {
    this.#db.run(
      `INSERT INTO github_cursors (repo, since, etag) VALUES (?, ?, ?)
       ON CONFLICT (repo) DO UPDATE SET since = excluded.since, etag = excluded.etag`,
      ...[repo, since, etag ?? null],
    );
  }

  /** Open pull requests of agents. */
  async pulls(repo: string): Promise<WatchedPull[]> {
    return this.#db
      .all('SELECT number, branch, sha, etag FROM github_pulls WHERE repo = ? ORDER BY number', repo)
      .map((row) => WatchedPull.parse(row));
  }

  async watch(repo: string, { number, branch, sha, etag }: WatchedPull): Promise<void> {
    this.#db.run(
      `INSERT INTO github_pulls (repo, number, branch, sha, etag) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (repo, number) DO UPDATE SET branch = excluded.branch, sha = excluded.sha, etag = excluded.etag`,
      ...[repo, number, branch, sha, etag ?? null],
    );
  }

  async unwatch(repo: string, number: number): Promise<void> {
    this.#db.run('DELETE FROM github_pulls WHERE repo = ? AND number = ?', repo, number);
  }
}

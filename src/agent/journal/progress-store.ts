import { z } from 'zod';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** How often what was done, in plain words. */
export const Calls = z.record(z.string(), z.int());
export type Calls = z.output<typeof Calls>;

/** The progress post of a run. */
export interface ProgressPost {
  readonly runId: string;
  /** Undefined while it may be there and may not. */
  readonly postId: string | undefined;
  /** As it was shown last. */
  readonly calls: Calls;
  /** Nothing is done about it any more. */
  readonly isClosed: boolean;
}

/** The progress posts of runs: each is written down before it is posted, and is posted once. */
export class ProgressStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  of(runId: string): ProgressPost | undefined {
    const row = this.#db.get('SELECT * FROM progress WHERE run_id = ?', runId);
    return row && fromRow(row);
  }

  /** The runs whose posts are not closed. */
  openRuns(): string[] {
    return this.#db.all('SELECT run_id FROM progress WHERE closed = 0').map((row) => String(row['run_id']));
  }

  begin(runId: string): void {
    this.#db.run('INSERT INTO progress (run_id) VALUES (?) ON CONFLICT DO NOTHING', runId);
  }

  shown(runId: string, postId: string, calls: Calls): void {
    this.#db.run(
      'UPDATE progress SET post_id = ?, calls = ? WHERE run_id = ?',
      postId,
      JSON.stringify(calls),
      runId,
    );
  }

  close(runId: string): void {
    this.#db.run('UPDATE progress SET closed = 1 WHERE run_id = ?', runId);
  }
}

const ProgressRow = z.object({
  run_id: z.string(),
  post_id: z.string().nullable(),
  calls: z.string(),
  closed: z.number(),
});

function fromRow(row: unknown): ProgressPost {
  const { run_id: runId, post_id, calls, closed } = ProgressRow.parse(row);
  return { runId, postId: post_id ?? undefined, calls: Calls.parse(JSON.parse(calls)), isClosed: closed > 0 };
}

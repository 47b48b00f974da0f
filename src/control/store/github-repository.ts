import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';
import { TaskRecord } from './records.ts';

/** What GitHub told us by a webhook. */
export interface GithubDelivery {
  /** Its `X-GitHub-Delivery`; the same when GitHub delivers it again. */
  readonly id: string;
  readonly event: string;
  readonly body: string;
}

/** Ten times as long as GitHub delivers anything again. */
const KEPT_MS = 31 * 24 * 3600 * 1000;

/** What was learnt of GitHub: deliveries of webhooks, and when things were closed there. */
export class GithubRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** False where it is known already. `now` in Unix ms, here and below. */
  async receive({ id, event, body }: GithubDelivery, now: number): Promise<boolean> {
    const sql =
      'INSERT INTO github_deliveries (id, event, body, received_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    return this.#db.run(sql, id, event, body, now) === 1;
  }

  /** The oldest that are not handled. */
  async open(limit: number): Promise<GithubDelivery[]> {
    const sql =
      'SELECT id, event, body FROM github_deliveries WHERE handled_at IS NULL ORDER BY received_at, rowid LIMIT ?';
    return this.#db.all(sql, limit).map(deliveryOf);
  }

  async handled(id: string, outcome: string, now: number): Promise<void> {
    const sql = "UPDATE github_deliveries SET handled_at = ?, outcome = ?, body = '' WHERE id = ?";
    this.#db.run(sql, now, outcome, id);
  }

  /** Remembers when it was closed. False where that is known, or a later time: then it changes nothing. */
  async close(repo: string, number: number, at: number): Promise<boolean> {
    const changed = this.#db.run(
      `INSERT INTO github_closings (repo, number, at) VALUES (?, ?, ?)
       ON CONFLICT (repo, number) DO UPDATE SET at = excluded.at WHERE excluded.at > at`,
      ...[repo, number, at],
    );
    return changed === 1;
  }

  /** When it was closed last, as far as is known. */
  async closedAt(repo: string, number: number): Promise<number | undefined> {
    const row = this.#db.get('SELECT at FROM github_closings WHERE repo = ? AND number = ?', repo, number);
    return row && Number(row['at']);
  }

  /** Remembers what asked for this task, and when; told again nothing changes. */
  async asked(
    taskId: string,
    { repo, number, at }: { repo: string; number: number; at: number },
  ): Promise<void> {
    const sql =
      'INSERT INTO github_tasks (task_id, repo, number, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    this.#db.run(sql, taskId, repo, number, at);
  }

  /** Where one of these tasks was asked for. */
  async askedIn(taskIds: readonly string[]): Promise<{ repo: string; number: number } | undefined> {
    const marks = taskIds.map(() => '?').join(', ');
    const row = this.#db.get(`SELECT repo, number FROM github_tasks WHERE task_id IN (${marks})`, ...taskIds);
    return row && { repo: String(row['repo']), number: Number(row['number']) };
  }

  /** The tasks that something there asked for until then, oldest first. */
  async tasksUntil(repo: string, number: number, at: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        `SELECT tasks.* FROM github_tasks JOIN tasks ON id = task_id
         WHERE repo = ? AND number = ? AND at <= ? ORDER BY id`,
        ...[repo, number, at],
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** Forgets what can not be told again. */
  async prune(now: number): Promise<void> {
    this.#db.run('DELETE FROM github_deliveries WHERE handled_at <= ?', now - KEPT_MS);
    this.#db.run('DELETE FROM github_closings WHERE at <= ?', now - KEPT_MS);
  }
}

function deliveryOf(row: Row): GithubDelivery {
  return { id: String(row['id']), event: String(row['event']), body: String(row['body']) };
}

import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { TaskRecord } from './records.ts';

/** A task that is held, and until when at most. */
export interface Held {
  readonly task: TaskRecord;
  readonly latestAt: number;
}

/** Tasks that are held for later requests of their key, and the requests that were taken into them. */
export class DebounceRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async hold(taskId: string, key: string, latestAt: number): Promise<void> {
    this.#db.run('INSERT INTO debounces (task_id, key, latest_at) VALUES (?, ?, ?)', taskId, key, latestAt);
  }

  /** The tasks of this key for this agent, newest first, that were never released and are still held, in the same conversation or in none. */
  async held(
    key: string,
    { agent, conversationId, now }: { agent: string; conversationId: string | undefined; now: number },
  ): Promise<Held[]> {
    const rows = this.#db.all(
      `SELECT tasks.*, latest_at FROM debounces JOIN tasks ON id = task_id
       WHERE key = ? AND agent = ? AND conversation_id IS ? AND epoch = 0 AND not_before > ? AND state IN ('queued', 'blocked')
       ORDER BY id DESC`,
      key,
      agent,
      conversationId ?? null,
      now,
    );
    return rows.map((row) => ({ task: TaskRecord.parse(row), latestAt: Number(row['latest_at']) }));
  }

  /** Remembers a request that made no task of its own, with the words that its own took the place of. */
  async take(request: {
    readonly dedupKey: string;
    readonly taskId: string;
    readonly author: string;
    readonly requesterId: string;
    readonly replaced: string;
    readonly at: number;
  }): Promise<void> {
    this.#db.run(
      'INSERT INTO merged_requests (dedup_key, task_id, author, requester_id, replaced, at) VALUES (?, ?, ?, ?, ?, ?)',
      request.dedupKey,
      request.taskId,
      request.author,
      request.requesterId,
      request.replaced,
      request.at,
    );
  }
}

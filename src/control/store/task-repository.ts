import type { ArtifactRef } from '#core/artifact.ts';
import { AGEING_MS, type Priority } from '#core/priority.ts';
import { inFlightStates, type TaskState } from '#core/task-states.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { TaskRecord } from './records.ts';

export interface NewTask {
  readonly id: string;
  readonly dedupKey: string;
  readonly agent: string;
  readonly domain: string;
  readonly text: string;
  readonly requester: TaskRecord['requester'];
  readonly depth: number;
  readonly priority: Priority;
  readonly author: string;
  readonly conversation: TaskRecord['conversation'];
  readonly deadline: number;
  readonly now: number;
}

export interface TaskFilter {
  readonly agent?: string | undefined;
  readonly state?: TaskState | undefined;
  readonly limit: number;
}

export interface TaskPatch {
  readonly state: TaskState;
  readonly reason: string | undefined;
  readonly now: number;
  readonly answer?: string | undefined;
  readonly answerArtifact?: ArtifactRef | undefined;
  readonly attempts?: number | undefined;
  readonly epoch?: number | undefined;
  readonly notBefore?: number | undefined;
  readonly deadline?: number | undefined;
}

const IN_FLIGHT = inFlightStates.map((state) => `'${state}'`).join(', ');

/** Tasks. What happened to them is in the audit. */
export class TaskRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async insert(task: NewTask): Promise<void> {
    this.#db.run(
      `INSERT INTO tasks (id, dedup_key, state, agent, domain, text, requester_id, requester_name, requester_kind,
         depth, priority, author, conversation, conversation_id, not_before, deadline, created_at, updated_at)
       VALUES (?, ?, 'requested', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      task.id,
      task.dedupKey,
      task.agent,
      task.domain,
      task.text,
      task.requester.id,
      task.requester.name,
      task.requester.kind,
      task.depth,
      task.priority,
      task.author,
      task.conversation ? JSON.stringify(task.conversation) : null,
      task.conversation?.id ?? null,
      task.now,
      task.deadline,
      task.now,
      task.now,
    );
  }

  async byId(id: string): Promise<TaskRecord | undefined> {
    const row = this.#db.get('SELECT * FROM tasks WHERE id = ?', id);
    return row && TaskRecord.parse(row);
  }

  async byDedupKey(key: string): Promise<TaskRecord | undefined> {
    const row = this.#db.get('SELECT * FROM tasks WHERE dedup_key = ?', key);
    return row && TaskRecord.parse(row);
  }

  /** Newest first. */
  async list(filter: TaskFilter): Promise<TaskRecord[]> {
    const rows = this.#db.all(
      `SELECT * FROM tasks WHERE (?1 IS NULL OR agent = ?1) AND (?2 IS NULL OR state = ?2)
       ORDER BY created_at DESC, id DESC LIMIT ?3`,
      filter.agent ?? null,
      filter.state ?? null,
      filter.limit,
    );
    return rows.map((row) => TaskRecord.parse(row));
  }

  /**
   * Tasks of one agent that may be released, in the order in which they are to be: by priority, which grows while they
   * wait; within one by turns of those who asked, where what is out for somebody counts as turns taken; then oldest first.
   */
  async due(agent: string, now: number, limit: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        `WITH due AS (
           SELECT id, author, requester_id, created_at, max(0, priority - CAST((?2 - created_at) / ${AGEING_MS} AS INTEGER)) AS class
           FROM tasks WHERE agent = ?1 AND state = 'queued' AND not_before <= ?2
         ), turns AS (
           SELECT id, class, row_number() OVER (PARTITION BY class, author, requester_id ORDER BY created_at, id) + (
             SELECT count(*) FROM tasks AS out
             WHERE out.agent = ?1 AND out.state IN (${IN_FLIGHT}) AND out.author = due.author AND out.requester_id = due.requester_id
           ) AS turn FROM due
         )
         SELECT tasks.* FROM turns JOIN tasks USING (id) ORDER BY class, turn, created_at, id LIMIT ?3`,
        agent,
        now,
        limit,
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** Tasks that could be released but for a free place, and whose authors have not been told so. */
  async waitingUntold(now: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        "SELECT * FROM tasks WHERE state = 'queued' AND told_queued = 0 AND not_before <= ? ORDER BY created_at LIMIT 100",
        now,
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** When the next task that waits for its next attempt is due (Unix ms). */
  async nextDueAt(now: number): Promise<number | undefined> {
    const row = this.#db.get(
      "SELECT min(not_before) AS at FROM tasks WHERE state = 'queued' AND not_before > ?",
      now,
    );
    return typeof row?.['at'] === 'number' ? row['at'] : undefined;
  }

  /** Agent → number of its tasks that are out with it. */
  async inFlight(): Promise<Map<string, number>> {
    const rows = this.#db.all(
      `SELECT agent, count(*) AS n FROM tasks WHERE state IN (${IN_FLIGHT}) GROUP BY agent`,
    );
    return new Map(rows.map((row) => [String(row['agent']), Number(row['n'])]));
  }

  /** Tasks whose deadline has passed and that have not ended. */
  async overdue(now: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        `SELECT * FROM tasks WHERE deadline <= ? AND state IN
           ('queued', 'blocked', 'awaiting_approval', 'parked', 'released', 'claimed', 'running', 'cancelling')`,
        now,
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** Tasks whose runs are to be stopped: those being cancelled, and those that have expired since. */
  async toStop(since: number): Promise<TaskRecord[]> {
    return this.#db
      .all("SELECT * FROM tasks WHERE state = 'cancelling' OR (state = 'expired' AND updated_at >= ?)", since)
      .map((row) => TaskRecord.parse(row));
  }

  /**
   * How often this requester has asked through this author since then, and the author for all of its requesters; what was
   * refused included.
   */
  async askedSince(
    author: string,
    requesterId: string,
    since: number,
  ): Promise<{ requester: number; author: number }> {
    const row = this.#db.get(
      'SELECT count(*) AS author, count(*) FILTER (WHERE requester_id = ?) AS requester FROM tasks WHERE author = ? AND created_at >= ?',
      requesterId,
      author,
      since,
    );
    return { requester: Number(row?.['requester'] ?? 0), author: Number(row?.['author'] ?? 0) };
  }

  /** How often this requester was refused for this reason in this conversation. */
  async refusals(conversationId: string, requesterId: string, reason: string): Promise<number> {
    const row = this.#db.get(
      "SELECT count(*) AS n FROM tasks WHERE conversation_id = ? AND requester_id = ? AND state = 'rejected' AND reason = ?",
      conversationId,
      requesterId,
      reason,
    );
    return Number(row?.['n'] ?? 0);
  }

  async update(id: string, patch: TaskPatch): Promise<void> {
    this.#db.run(
      `UPDATE tasks SET state = ?, reason = ?, updated_at = ?, answer = coalesce(?, answer),
         answer_artifact = coalesce(?, answer_artifact),
         attempts = coalesce(?, attempts), epoch = coalesce(?, epoch), not_before = coalesce(?, not_before),
         deadline = coalesce(?, deadline) WHERE id = ?`,
      patch.state,
      patch.reason ?? null,
      patch.now,
      patch.answer ?? null,
      patch.answerArtifact ? JSON.stringify(patch.answerArtifact) : null,
      patch.attempts ?? null,
      patch.epoch ?? null,
      patch.notBefore ?? null,
      patch.deadline ?? null,
      id,
    );
  }

  async markToldQueued(id: string): Promise<void> {
    this.#db.run('UPDATE tasks SET told_queued = 1 WHERE id = ?', id);
  }
}

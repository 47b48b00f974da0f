import type { ArtifactRef } from '#core/artifact.ts';
import type { TrustLabel } from '#core/envelope.ts';
import type { Priority } from '#core/priority.ts';
import { inFlightStates, isTerminal, type TaskState, taskStates } from '#core/task-states.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { dueTasks } from './due-tasks.ts';
import { TaskRecord } from './records.ts';

export interface NewTask {
  readonly id: string;
  readonly dedupKey: string;
  readonly agent: string;
  readonly domain: string;
  readonly text: string;
  /** Where the whole is of which `text` is the beginning. */
  readonly textArtifact?: ArtifactRef | undefined;
  /** What was said before it was asked. */
  readonly context?: string | undefined;
  readonly requester: TaskRecord['requester'];
  readonly depth: number;
  readonly priority: Priority;
  readonly trust: TrustLabel;
  /** The least of the words that it comes with, where that is known. */
  readonly leastTrust?: TrustLabel | undefined;
  readonly author: string;
  readonly conversation: TaskRecord['conversation'];
  readonly parentId?: string | undefined;
  /** When it may be released; at once unless it says so. */
  readonly notBefore?: number;
  readonly deadline: number;
  readonly now: number;
}

/** Where a task is when it is written down, and why. */
export interface FirstStep {
  readonly state: TaskState;
  readonly reason?: string | undefined;
}

export interface TaskFilter {
  readonly agent?: string | undefined;
  readonly state?: TaskState | undefined;
  /** Only those that have not ended, or only those that have. */
  readonly open?: boolean | undefined;
  /** Only those older than the task of this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface TaskPatch {
  readonly state: TaskState;
  readonly reason: string | undefined;
  readonly now: number;
  readonly text?: string | undefined;
  readonly context?: string | undefined;
  readonly priority?: number | undefined;
  readonly answer?: string | undefined;
  readonly answerArtifact?: ArtifactRef | undefined;
  readonly brought?: string | undefined;
  readonly attempts?: number | undefined;
  readonly epoch?: number | undefined;
  readonly notBefore?: number | undefined;
  readonly deadline?: number | undefined;
}

const listed = (states: readonly TaskState[]): string => states.map((state) => `'${state}'`).join(', ');
const IN_FLIGHT = listed(inFlightStates);
const OPEN = listed(taskStates.filter((state) => !isTerminal(state)));

/** Tasks. What happened to them is in the audit. */
export class TaskRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** Writes down a task that has taken its first step already, or none. */
  async insert(task: NewTask, { state, reason }: FirstStep = { state: 'requested' }): Promise<void> {
    this.#db.run(
      `INSERT INTO tasks (id, dedup_key, state, reason, agent, domain, text, text_artifact, context, requester_id, requester_name, requester_kind,
         depth, priority, trust, least_trust, author, conversation, conversation_id, parent_id, told_queued, not_before, deadline,
         created_at,
         updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      task.id,
      task.dedupKey,
      state,
      reason ?? null,
      task.agent,
      task.domain,
      task.text,
      task.textArtifact ? JSON.stringify(task.textArtifact) : null,
      task.context ?? null,
      task.requester.id,
      task.requester.name,
      task.requester.kind,
      task.depth,
      task.priority,
      task.trust,
      task.leastTrust ?? null,
      task.author,
      task.conversation ? JSON.stringify(task.conversation) : null,
      task.conversation?.id ?? null,
      task.parentId ?? null,
      // Without a conversation there is nobody to tell.
      task.conversation ? 0 : 1,
      task.notBefore ?? task.now,
      task.deadline,
      task.now,
      task.now,
    );
  }

  async byId(id: string): Promise<TaskRecord | undefined> {
    const row = this.#db.get('SELECT * FROM tasks WHERE id = ?', id);
    return row && TaskRecord.parse(row);
  }

  /** The task that came of the request of this key, also of one that was taken into another's. */
  async byDedupKey(key: string): Promise<TaskRecord | undefined> {
    const row = this.#db.get(
      'SELECT * FROM tasks WHERE dedup_key = ?1 OR id = (SELECT task_id FROM merged_requests WHERE dedup_key = ?1)',
      key,
    );
    return row && TaskRecord.parse(row);
  }

  /** The tasks that were made for this one, oldest first. */
  async childrenOf(id: string): Promise<TaskRecord[]> {
    return this.#db
      .all('SELECT * FROM tasks WHERE parent_id = ? ORDER BY id', id)
      .map((row) => TaskRecord.parse(row));
  }

  /** How many tasks of this agent have not ended. */
  async openOf(agent: string): Promise<number> {
    const row = this.#db.get(`SELECT count(*) AS n FROM tasks WHERE agent = ? AND state IN (${OPEN})`, agent);
    return Number(row?.['n'] ?? 0);
  }

  /** Newest first. */
  async list(filter: TaskFilter): Promise<TaskRecord[]> {
    const rows = this.#db.all(
      `SELECT * FROM tasks WHERE (?1 IS NULL OR agent = ?1) AND (?2 IS NULL OR state = ?2)
         AND (?3 IS NULL OR (state IN (${OPEN})) = ?3)
         AND (?4 IS NULL OR (created_at, id) < (SELECT created_at, id FROM tasks WHERE id = ?4))
       ORDER BY created_at DESC, id DESC LIMIT ?5`,
      filter.agent ?? null,
      filter.state ?? null,
      filter.open === undefined ? null : Number(filter.open),
      filter.before ?? null,
      filter.limit,
    );
    return rows.map((row) => TaskRecord.parse(row));
  }

  /** Ids of the tasks of one agent that may be released, in the order in which they are to be: see `dueTasks`. */
  async due(agent: string, now: number, limit: number): Promise<string[]> {
    return dueTasks(this.#db, agent, now, limit);
  }

  /** Whether anything waits for this agent: the cheapest question about it, as it is asked for each one every time. */
  async anyQueued(agent: string): Promise<boolean> {
    const row = this.#db.get(
      "SELECT 1 FROM tasks INDEXED BY tasks_turns WHERE agent = ? AND state = 'queued' LIMIT 1",
      agent,
    );
    return row !== undefined;
  }

  /** How many tasks of one agent are out with it. */
  async inFlightOf(agent: string): Promise<number> {
    const row = this.#db.get(
      `SELECT count(*) AS n FROM tasks INDEXED BY tasks_in_flight WHERE agent = ? AND state IN (${IN_FLIGHT})`,
      agent,
    );
    return Number(row?.['n'] ?? 0);
  }

  /** All tasks that are out with an agent, oldest first. */
  async inFlight(): Promise<TaskRecord[]> {
    return this.#db
      .all(`SELECT * FROM tasks INDEXED BY tasks_in_flight WHERE state IN (${IN_FLIGHT}) ORDER BY id`)
      .map((row) => TaskRecord.parse(row));
  }

  /** The tasks of one conversation, newest first. */
  async ofConversation(conversationId: string, limit: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        'SELECT * FROM tasks WHERE conversation_id = ? ORDER BY created_at DESC, id DESC LIMIT ?',
        conversationId,
        limit,
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** How many tasks there are in each state in which they have not ended. */
  async openByState(): Promise<Partial<Record<TaskState, number>>> {
    const rows = this.#db.all(
      `SELECT state, count(*) AS n FROM tasks WHERE state IN (${OPEN}) GROUP BY state`,
    );
    return Object.fromEntries(rows.map((row) => [String(row['state']), Number(row['n'])]));
  }

  /** The tasks that one agent has taken, or had when it was last heard of. */
  async takenBy(agent: string): Promise<TaskRecord[]> {
    return this.#db
      .all(
        `SELECT * FROM tasks INDEXED BY tasks_in_flight WHERE agent = ? AND state IN (${IN_FLIGHT})
           AND state IN ('claimed', 'running', 'lost')`,
        agent,
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** Tasks that could be released but for a free place, and whose authors have not been told so. */
  async waitingUntold(now: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        "SELECT * FROM tasks INDEXED BY tasks_untold WHERE state = 'queued' AND told_queued = 0 AND not_before <= ? ORDER BY created_at LIMIT 100",
        now,
      )
      .map((row) => TaskRecord.parse(row));
  }

  /** When the next task that waits for its next attempt is due (Unix ms). */
  async nextDueAt(now: number): Promise<number | undefined> {
    const row = this.#db.get(
      "SELECT min(not_before) AS at FROM tasks INDEXED BY tasks_queued WHERE state = 'queued' AND not_before > ?",
      now,
    );
    return typeof row?.['at'] === 'number' ? row['at'] : undefined;
  }

  /** Tasks whose deadline has passed and that have not ended. */
  async overdue(now: number): Promise<TaskRecord[]> {
    return this.#db
      .all(
        `SELECT * FROM tasks INDEXED BY tasks_open_by_deadline WHERE deadline <= ? AND state IN
           ('queued', 'blocked', 'awaiting_approval', 'parked', 'released', 'claimed', 'running', 'lost', 'cancelling')`,
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

  /** How often this requester was refused for this reason in this conversation, from `since` on (Unix ms). */
  async refusals(
    conversationId: string,
    { requesterId, reason, since }: { requesterId: string; reason: string; since: number },
  ): Promise<number> {
    const row = this.#db.get(
      `SELECT count(*) AS n FROM tasks
         WHERE conversation_id = ? AND requester_id = ? AND state = 'rejected' AND reason = ? AND created_at >= ?`,
      conversationId,
      requesterId,
      reason,
      since,
    );
    return Number(row?.['n'] ?? 0);
  }

  async update(id: string, patch: TaskPatch): Promise<void> {
    // Only what is given is named: SQLite writes every index anew that a named column is part of.
    const given = Object.entries({
      text: patch.text,
      context: patch.context,
      priority: patch.priority,
      answer: patch.answer,
      brought: patch.brought,
      answer_artifact: patch.answerArtifact && JSON.stringify(patch.answerArtifact),
      attempts: patch.attempts,
      epoch: patch.epoch,
      not_before: patch.notBefore,
      deadline: patch.deadline,
    }).filter((column): column is [string, string | number] => column[1] !== undefined);
    this.#db.run(
      `UPDATE tasks SET state = ?, reason = ?, updated_at = ?${given.map(([name]) => `, ${name} = ?`).join('')} WHERE id = ?`,
      patch.state,
      patch.reason ?? null,
      patch.now,
      ...given.map(([, value]) => value),
      id,
    );
  }

  async markToldQueued(id: string): Promise<void> {
    this.#db.run('UPDATE tasks SET told_queued = 1 WHERE id = ?', id);
  }
}

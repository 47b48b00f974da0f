import { z } from 'zod';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';
import { TaskRecord } from './records.ts';

/** That a task is what a run of its parent has asked another agent. */
export interface Delegation {
  /** The task that came of it. */
  readonly task: TaskRecord;
  /** The key of the request, and what it was bound to. */
  readonly key: string;
  readonly hash: string;
  /** The run that waits for it. */
  readonly runId: string;
}

const JOINED =
  'SELECT tasks.*, d.key, d.hash, d.run_id FROM delegations d JOIN tasks ON tasks.id = d.task_id';

/** What runs have asked of other agents. */
export class DelegationRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async insert(taskId: string, { key, hash, runId }: Omit<Delegation, 'task'>): Promise<void> {
    this.#db.run(
      'INSERT INTO delegations (task_id, key, hash, run_id) VALUES (?, ?, ?, ?)',
      taskId,
      key,
      hash,
      runId,
    );
  }

  /** What it stands for that this task was made. */
  async of(taskId: string): Promise<Delegation | undefined> {
    const row = this.#db.get(`${JOINED} WHERE d.task_id = ?`, taskId);
    return row && fromRow(row);
  }

  /** What runs of a task have asked, oldest first. */
  async by(parentId: string): Promise<Delegation[]> {
    return this.#db.all(`${JOINED} WHERE tasks.parent_id = ? ORDER BY d.rowid`, parentId).map(fromRow);
  }

  /** Has another run of the same parent wait for it. */
  async bindTo(taskId: string, runId: string): Promise<void> {
    this.#db.run('UPDATE delegations SET run_id = ? WHERE task_id = ?', runId, taskId);
  }
}

const DelegationRow = z
  .object({ key: z.string(), hash: z.string(), run_id: z.string() })
  .transform(({ key, hash, run_id }) => ({ key, hash, runId: run_id }));

function fromRow(row: Row): Delegation {
  return { task: TaskRecord.parse(row), ...DelegationRow.parse(row) };
}

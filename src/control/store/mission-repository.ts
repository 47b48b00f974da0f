import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** A workflow that was started. */
export interface Mission {
  readonly id: string;
  readonly workflow: string;
  /** The task of its lead, which ends it; those of its steps are children of that. */
  readonly taskId: string;
}

/** The workflows that were started, each once for its key. */
export class MissionRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async insert(
    mission: Mission & { readonly dedupKey: string; readonly by: string; readonly at: number },
  ): Promise<void> {
    this.#db.run(
      'INSERT INTO missions (id, dedup_key, workflow, task_id, started_by, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      mission.id,
      mission.dedupKey,
      mission.workflow,
      mission.taskId,
      mission.by,
      mission.at,
    );
  }

  /** The workflow that a task leads. */
  async workflowOf(taskId: string): Promise<string | undefined> {
    const row = this.#db.get('SELECT workflow FROM missions WHERE task_id = ?', taskId);
    return row && String(row['workflow']);
  }

  async byKey(dedupKey: string): Promise<Mission | undefined> {
    const row = this.#db.get('SELECT * FROM missions WHERE dedup_key = ?', dedupKey);
    return (
      row && { id: String(row['id']), workflow: String(row['workflow']), taskId: String(row['task_id']) }
    );
  }
}

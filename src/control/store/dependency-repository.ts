import { WhenItFails } from '#core/dependencies.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';

/** That a task comes after others. */
export interface Wait {
  readonly taskId: string;
  /** The tasks it comes after, as they were named. */
  readonly after: readonly string[];
  readonly whenItFails: WhenItFails;
}

/** Which tasks come after which. */
export class DependencyRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async add(wait: Wait): Promise<void> {
    this.#db.run(
      'INSERT INTO task_waits (task_id, when_it_fails) VALUES (?, ?)',
      wait.taskId,
      wait.whenItFails,
    );
    for (const [place, needsId] of wait.after.entries()) {
      this.#db.run(
        'INSERT INTO task_dependencies (task_id, place, needs_id) VALUES (?, ?, ?)',
        wait.taskId,
        place,
        needsId,
      );
    }
  }

  /** Undefined for a task that comes after none. */
  async of(taskId: string): Promise<Wait | undefined> {
    const row = this.#db.get('SELECT * FROM task_waits WHERE task_id = ?', taskId);
    return row && this.#waitOf(row);
  }

  /** Of all tasks that are blocked. */
  async blocked(): Promise<Wait[]> {
    return this.#db
      .all("SELECT task_waits.* FROM tasks JOIN task_waits ON task_id = id WHERE state = 'blocked'")
      .map((row) => this.#waitOf(row));
  }

  /** The tasks that are blocked and come after this one. */
  async blockedBy(needsId: string): Promise<string[]> {
    return this.#db
      .all(
        `SELECT DISTINCT task_id FROM task_dependencies JOIN tasks ON tasks.id = task_id
         WHERE needs_id = ? AND state = 'blocked' ORDER BY task_id`,
        needsId,
      )
      .map((row) => String(row['task_id']));
  }

  #waitOf(row: Row): Wait {
    const taskId = String(row['task_id']);
    const needs = this.#db.all(
      'SELECT needs_id FROM task_dependencies WHERE task_id = ? ORDER BY place',
      taskId,
    );
    return {
      taskId,
      after: needs.map((each) => String(each['needs_id'])),
      whenItFails: WhenItFails.parse(row['when_it_fails']),
    };
  }
}

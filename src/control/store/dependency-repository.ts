import { z } from 'zod';
import { WhenItFails } from '#core/dependencies.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';
import { optional } from './records.ts';

/** That a task comes after others. */
export interface Wait {
  readonly taskId: string;
  /** The tasks it comes after, as they were named, each with what it is called there. */
  readonly after: readonly { readonly id: string; readonly label?: string | undefined }[];
  readonly whenItFails: WhenItFails;
  /** So many completed ones are enough; all have to end where it is left out. */
  readonly enough?: number | undefined;
  /** When it goes on with what there is (Unix milliseconds). */
  readonly until?: number | undefined;
  /** Whether it is given what the others answered. */
  readonly brings?: boolean;
}

/** Which tasks come after which. */
export class DependencyRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async add(wait: Wait): Promise<void> {
    this.#db.run(
      'INSERT INTO task_waits (task_id, when_it_fails, enough, until, brings) VALUES (?, ?, ?, ?, ?)',
      wait.taskId,
      wait.whenItFails,
      wait.enough ?? null,
      wait.until ?? null,
      wait.brings ? 1 : 0,
    );
    for (const [place, { id, label }] of wait.after.entries()) {
      this.#db.run(
        'INSERT INTO task_dependencies (task_id, place, needs_id, label) VALUES (?, ?, ?, ?)',
        wait.taskId,
        place,
        id,
        label ?? null,
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
    const { task_id, when_it_fails, ...rest } = WaitRow.parse(row);
    const needs = this.#db.all(
      'SELECT needs_id, label FROM task_dependencies WHERE task_id = ? ORDER BY place',
      task_id,
    );
    const after = needs.map((need) => NeedRow.parse(need));
    return { taskId: task_id, after, whenItFails: when_it_fails, ...rest };
  }
}

const WaitRow = z.object({
  task_id: z.string(),
  when_it_fails: WhenItFails,
  enough: optional(z.number()),
  until: optional(z.number()),
  brings: z.number().transform((flag) => flag === 1),
});

const NeedRow = z
  .object({ needs_id: z.string(), label: optional(z.string()) })
  .transform(({ needs_id, label }) => ({ id: needs_id, label }));

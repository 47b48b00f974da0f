import type { FailureCode } from '#core/failures.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { RunRecord } from './records.ts';

/** Runs: one row an attempt. */
export class RunRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async insert(
    run: Pick<RunRecord, 'id' | 'taskId' | 'agent' | 'attempt' | 'epoch' | 'releasedAt'>,
  ): Promise<void> {
    this.#db.run(
      "INSERT INTO runs (id, task_id, agent, attempt, epoch, state, released_at) VALUES (?, ?, ?, ?, ?, 'released', ?)",
      run.id,
      run.taskId,
      run.agent,
      run.attempt,
      run.epoch,
      run.releasedAt,
    );
  }

  async byId(id: string): Promise<RunRecord | undefined> {
    const row = this.#db.get('SELECT * FROM runs WHERE id = ?', id);
    return row && RunRecord.parse(row);
  }

  async ofTask(taskId: string): Promise<RunRecord[]> {
    return this.#db
      .all('SELECT * FROM runs WHERE task_id = ? ORDER BY attempt', taskId)
      .map((row) => RunRecord.parse(row));
  }

  async claimed(id: string): Promise<void> {
    this.#db.run("UPDATE runs SET state = 'claimed' WHERE id = ? AND state = 'released'", id);
  }

  async started(id: string, at: number): Promise<void> {
    this.#db.run(
      "UPDATE runs SET state = 'running', started_at = ? WHERE id = ? AND state IN ('released', 'claimed')",
      at,
      id,
    );
  }

  async discarded(id: string, at: number): Promise<void> {
    this.#db.run(
      "UPDATE runs SET state = 'discarded', finished_at = ? WHERE id = ? AND state IN ('released', 'claimed')",
      at,
      id,
    );
  }

  /** Ended without a result: it goes on in another run. False when it had ended before. */
  async parked(id: string, end: { usage?: object | undefined; at: number }): Promise<boolean> {
    const changed = this.#db.run(
      "UPDATE runs SET state = 'parked', usage = ?, finished_at = ? WHERE id = ? AND finished_at IS NULL",
      end.usage ? JSON.stringify(end.usage) : null,
      end.at,
      id,
    );
    return changed === 1;
  }

  /** It has asked something that people will not see. */
  async refused(id: string, at: number): Promise<void> {
    this.#db.run('UPDATE runs SET refused_at = ? WHERE id = ?', at, id);
  }

  async finished(
    id: string,
    end: {
      state: 'completed' | 'failed';
      failure?: FailureCode | undefined;
      failureMessage?: string | undefined;
      usage: object;
      startedAt: number;
      at: number;
    },
  ): Promise<void> {
    this.#db.run(
      'UPDATE runs SET state = ?, failure = ?, failure_message = ?, usage = ?, started_at = ?, finished_at = ? WHERE id = ?',
      end.state,
      end.failure ?? null,
      end.failureMessage ?? null,
      JSON.stringify(end.usage),
      end.startedAt,
      end.at,
      id,
    );
  }
}

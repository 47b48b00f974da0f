import type { FailureCode } from '#core/failures.ts';
import { inFlightStates } from '#core/task-states.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { RunRecord } from './records.ts';

const IN_FLIGHT = inFlightStates.map((state) => `'${state}'`).join(', ');

/** A run of which nothing was heard since its dispatch went to the bus. */
export interface UnheardRun {
  readonly id: string;
  readonly agent: string;
  readonly domain: string;
}

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

  /** Oldest first. By epoch, as attempts are counted anew when a dead letter's task is queued again. */
  async ofTask(taskId: string): Promise<RunRecord[]> {
    return this.#db
      .all('SELECT * FROM runs WHERE task_id = ? ORDER BY epoch', taskId)
      .map((row) => RunRecord.parse(row));
  }

  /** The last runs of tasks that are out, whose dispatch has left the outbox, and of which no event was heard. */
  async unheard(): Promise<UnheardRun[]> {
    return this.#db
      .all(
        `SELECT runs.id, runs.agent, tasks.domain
         FROM tasks INDEXED BY tasks_in_flight JOIN runs ON runs.task_id = tasks.id AND runs.epoch = tasks.epoch
         WHERE tasks.state IN (${IN_FLIGHT}) AND runs.state = 'released'
           AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.msg_id = runs.id)
         ORDER BY runs.id`,
      )
      .map(({ id, agent, domain }) => ({ id: String(id), agent: String(agent), domain: String(domain) }));
  }

  /** False when it was further already; so are the next two. */
  async claimed(id: string): Promise<boolean> {
    return this.#db.run("UPDATE runs SET state = 'claimed' WHERE id = ? AND state = 'released'", id) === 1;
  }

  async started(id: string, at: number): Promise<boolean> {
    const changed = this.#db.run(
      "UPDATE runs SET state = 'running', started_at = ? WHERE id = ? AND state IN ('released', 'claimed')",
      at,
      id,
    );
    return changed === 1;
  }

  async discarded(id: string, at: number): Promise<boolean> {
    const changed = this.#db.run(
      "UPDATE runs SET state = 'discarded', finished_at = ? WHERE id = ? AND state IN ('released', 'claimed')",
      at,
      id,
    );
    return changed === 1;
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

  /** It has asked something that people will not see. False when it had before. */
  async refused(id: string, at: number): Promise<boolean> {
    const sql = 'UPDATE runs SET refused_at = ? WHERE id = ? AND refused_at IS NULL';
    return this.#db.run(sql, at, id) === 1;
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

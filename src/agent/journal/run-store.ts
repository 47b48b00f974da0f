import { z } from 'zod';
import { OlympusError } from '#core/errors.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { nextRunState, type RunEvent, type RunState, runStates } from '#core/run-states.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';

export interface JournaledRun {
  readonly runId: string;
  readonly state: RunState;
  readonly dispatch: TaskDispatch['data'];
  /** Makes the id of the result unguessable for other agents. */
  readonly nonce: string;
  readonly claimedAt: number;
  readonly startedAt: number | undefined;
  /** When its outcome, or that it was parked, was written down. */
  readonly finishedAt: number | undefined;
}

/** Where little more is asked about a run. */
const CLOSED: ReadonlySet<RunState> = new Set(['published', 'discarded', 'abandoned']);

/** The runs this agent has taken, each state written before the call it announces. */
export class RunStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;
  /** What was read of runs that are open: a run is looked at many times, and its dispatch never changes. */
  readonly #dispatches = new Map<string, TaskDispatch['data']>();

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  get(runId: string): JournaledRun | undefined {
    const row = this.#db.get('SELECT * FROM runs WHERE run_id = ?', runId);
    return row && this.#fromRow(row);
  }

  /** Runs that a former process of this daemon left unfinished. */
  open(): JournaledRun[] {
    return this.#db
      .all(
        "SELECT * FROM runs WHERE state IN ('claimed', 'running', 'finished', 'parked') ORDER BY claimed_at",
      )
      .map((row) => this.#fromRow(row));
  }

  claim(dispatch: TaskDispatch['data'], nonce: string): JournaledRun {
    this.#db.run(
      "INSERT INTO runs (run_id, task_id, epoch, state, dispatch, nonce, claimed_at) VALUES (?, ?, ?, 'claimed', ?, ?, ?)",
      dispatch.runId,
      dispatch.taskId,
      dispatch.epoch,
      JSON.stringify(dispatch),
      nonce,
      this.#clock.now(),
    );
    return this.#known(dispatch.runId);
  }

  /** Writes down that this run is to end, whether its message has come or not. */
  cancel(runId: string): void {
    this.#db.run(
      'INSERT INTO cancels (run_id, asked_at) VALUES (?, ?) ON CONFLICT DO NOTHING',
      runId,
      this.#clock.now(),
    );
  }

  isCancelled(runId: string): boolean {
    return this.#db.get('SELECT 1 FROM cancels WHERE run_id = ?', runId) !== undefined;
  }

  /** Whether a later run of the same task has come already. */
  isSuperseded({ taskId, epoch }: Pick<TaskDispatch['data'], 'taskId' | 'epoch'>): boolean {
    return (
      this.#db.get('SELECT 1 FROM runs WHERE task_id = ? AND epoch > ? LIMIT 1', taskId, epoch) !== undefined
    );
  }

  /** Takes one step of the run's life; a step the table does not allow throws `state_conflict`. */
  advance(runId: string, event: RunEvent): JournaledRun {
    const run = this.get(runId);
    const next = run && nextRunState(run.state, event);
    if (!next) {
      throw new OlympusError(
        'state_conflict',
        `run ${runId} is ${run?.state ?? 'unknown'} and cannot ${event}`,
      );
    }
    const now = this.#clock.now();
    const begins = event === 'start';
    const ends = event === 'finish' || event === 'park';
    const at = begins ? ', started_at = ?' : ends ? ', finished_at = ?' : '';
    this.#db.run(`UPDATE runs SET state = ?${at} WHERE run_id = ?`, next, ...(at ? [now] : []), runId);
    if (CLOSED.has(next)) this.#dispatches.delete(runId);
    return { ...run, state: next, ...(begins ? { startedAt: now } : ends ? { finishedAt: now } : {}) };
  }

  #fromRow(row: Row): JournaledRun {
    const { run_id: runId, state, dispatch: text, nonce, claimed_at, ...at } = RunRow.parse(row);
    const dispatch = this.#dispatches.get(runId) ?? TaskDispatch.data.parse(JSON.parse(text));
    if (!CLOSED.has(state)) this.#dispatches.set(runId, dispatch);
    const startedAt = at.started_at ?? undefined;
    const finishedAt = at.finished_at ?? undefined;
    return { runId, state, dispatch, nonce, claimedAt: claimed_at, startedAt, finishedAt };
  }

  #known(runId: string): JournaledRun {
    const run = this.get(runId);
    if (!run) throw new OlympusError('state_conflict', `run ${runId} is not in the journal`);
    return run;
  }
}

const RunRow = z.object({
  run_id: z.string(),
  state: z.enum(runStates),
  dispatch: z.string(),
  nonce: z.string(),
  claimed_at: z.number(),
  started_at: z.number().nullable(),
  finished_at: z.number().nullable(),
});

import { z } from 'zod';
import { Decision } from '#core/messages/decision.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';

/** What was decided, as it came from control. */
export type Decided = Decision['data'];

/** Something that a run has asked people. */
export interface JournaledAsk {
  /** The task and what is asked: the same asked again by another run of the task is the same. */
  readonly key: string;
  /** The run that asked last. */
  readonly runId: string;
  readonly hash: string;
  readonly askedAt: number;
  /** When the run was told to end its turn, and wait without one. */
  readonly parkedAt: number | undefined;
  readonly decision: Decided | undefined;
}

/** Whether a decision holds for the run that asked alone; every other one holds for the task. */
export function isForOneRun(decision: Decided | undefined): boolean {
  return decision?.state === 'refused' || decision?.state === 'withdrawn';
}

/** What runs have asked people, each written down before it is sent, and what came back before it is used. */
export class AskStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  get(key: string): JournaledAsk | undefined {
    const row = this.#db.get('SELECT * FROM asks WHERE key = ?', key);
    return row && fromRow(row);
  }

  ofRun(runId: string): JournaledAsk[] {
    return this.#db.all('SELECT * FROM asks WHERE run_id = ? ORDER BY asked_at', runId).map(fromRow);
  }

  /**
   * What was asked under a key that begins like this, about the same: the one that this wish has used, its own, or the
   * first that none has.
   */
  usableBy(
    wish: string,
    { prefix, hash }: { readonly prefix: string; readonly hash: string },
  ): JournaledAsk | undefined {
    const row = this.#db.get(
      `SELECT * FROM asks WHERE substr(key, 1, length(?1)) = ?1 AND hash = ?2 AND (used_by IS NULL OR used_by = ?3)
       ORDER BY used_by IS NULL, key <> ?1 || ?3, asked_at LIMIT 1`,
      prefix,
      hash,
      wish,
    );
    return row && fromRow(row);
  }

  /** Uses up an approval that holds once; false when another wish has done so. */
  use(key: string, wish: string): boolean {
    const changed = this.#db.run(
      'UPDATE asks SET used_by = ?2 WHERE key = ?1 AND (used_by IS NULL OR used_by = ?2)',
      key,
      wish,
    );
    return changed === 1;
  }

  /** Asked by this run now, whoever asked it before. */
  open(ask: Pick<JournaledAsk, 'key' | 'runId' | 'hash'>): void {
    this.#db.run(
      `INSERT INTO asks (key, run_id, hash, asked_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (key) DO UPDATE SET run_id = ?2, asked_at = ?4, parked_at = NULL, decision = NULL`,
      ask.key,
      ask.runId,
      ask.hash,
      this.#clock.now(),
    );
  }

  /** Undecided: the run is told to end its turn. */
  park(key: string): void {
    this.#db.run(
      'UPDATE asks SET parked_at = ? WHERE key = ? AND parked_at IS NULL AND decision IS NULL',
      this.#clock.now(),
      key,
    );
  }

  /**
   * Writes a decision down; what is refused or withdrawn is so only for the run that asked. False when nothing of this hash
   * was asked, or it is known already.
   */
  decide(decision: Decided): boolean {
    const changed = this.#db.run(
      'UPDATE asks SET decision = ? WHERE key = ? AND hash = ? AND decision IS NULL AND (? OR run_id = ?)',
      JSON.stringify(decision),
      decision.key,
      decision.hash ?? '',
      isForOneRun(decision) ? 0 : 1,
      decision.runId,
    );
    return changed === 1;
  }
}

const AskRow = z.object({
  key: z.string(),
  run_id: z.string(),
  hash: z.string(),
  asked_at: z.number(),
  parked_at: z.number().nullable(),
  decision: z.string().nullable(),
});

function fromRow(row: Row): JournaledAsk {
  const parsed = AskRow.parse(row);
  return {
    key: parsed.key,
    runId: parsed.run_id,
    hash: parsed.hash,
    askedAt: parsed.asked_at,
    parkedAt: parsed.parked_at ?? undefined,
    decision: parsed.decision === null ? undefined : Decision.data.parse(JSON.parse(parsed.decision)),
  };
}

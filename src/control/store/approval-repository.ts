import { z } from 'zod';
import { Action, Question } from '#core/action.ts';
import { type ApprovalState, approvalStates } from '#core/approval-states.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import { json, optional } from './records.ts';

/** What is to be decided: one action, or one question. */
const Asks = z.union([z.strictObject({ action: Action }), z.strictObject({ question: Question })]);
export type Asks = z.output<typeof Asks>;

/** What the policies asked for when it was asked: an edit of them changes nothing that is under way. */
const PassedGate = z.object({
  name: z.string(),
  approvals: z.number(),
  approvers: z.array(z.string()).optional(),
});
export type PassedGate = z.output<typeof PassedGate>;

/** A row of `approvals`. Times are Unix milliseconds. */
export const ApprovalRecord = z
  .object({
    id: z.string(),
    dedup_key: z.string(),
    state: z.enum(approvalStates),
    hash: z.string(),
    asks: json(Asks),
    summary: z.string(),
    asked_by: z.string(),
    task_id: z.string(),
    run_id: optional(z.string()),
    created_at: z.number(),
    expires_at: z.number(),
    decided_at: optional(z.number()),
    decided_by: optional(z.string()),
    why: optional(z.string()),
    answer: optional(z.string()),
    gate: optional(json(PassedGate)),
    /** Names of those who have approved so far, in the order in which they did. */
    approved_by: json(z.array(z.string())),
  })
  .transform((row) => ({
    id: row.id,
    dedupKey: row.dedup_key,
    state: row.state,
    hash: row.hash,
    asks: row.asks,
    summary: row.summary,
    askedBy: row.asked_by,
    taskId: row.task_id,
    runId: row.run_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
    why: row.why,
    answer: row.answer,
    gate: row.gate,
    approvedBy: row.approved_by,
  }));
export type ApprovalRecord = z.output<typeof ApprovalRecord>;

export type NewApproval = Pick<
  ApprovalRecord,
  | 'id'
  | 'dedupKey'
  | 'hash'
  | 'asks'
  | 'summary'
  | 'askedBy'
  | 'taskId'
  | 'runId'
  | 'createdAt'
  | 'expiresAt'
  | 'gate'
>;

/** Who decided what, and why. */
export type ApprovalEnd = Pick<ApprovalRecord, 'state'> & {
  readonly at: number;
  readonly by?: string | undefined;
  readonly why?: string | undefined;
  readonly answer?: string | undefined;
};

/** What people have to decide, or have decided. */
export class ApprovalRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async insert(approval: NewApproval): Promise<void> {
    this.#db.run(
      `INSERT INTO approvals (id, dedup_key, state, hash, asks, summary, asked_by, task_id, run_id, created_at, expires_at, gate)
       VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      approval.id,
      approval.dedupKey,
      approval.hash,
      JSON.stringify(approval.asks),
      approval.summary,
      approval.askedBy,
      approval.taskId,
      approval.runId ?? null,
      approval.createdAt,
      approval.expiresAt,
      approval.gate ? JSON.stringify(approval.gate) : null,
    );
  }

  async byId(id: string): Promise<ApprovalRecord | undefined> {
    const row = this.#db.get('SELECT * FROM approvals WHERE id = ?', id);
    return row && ApprovalRecord.parse(row);
  }

  async byDedupKey(key: string): Promise<ApprovalRecord | undefined> {
    const row = this.#db.get('SELECT * FROM approvals WHERE dedup_key = ?', key);
    return row && ApprovalRecord.parse(row);
  }

  /** Newest first. */
  async list(filter: {
    readonly state?: ApprovalState | undefined;
    readonly limit: number;
  }): Promise<ApprovalRecord[]> {
    return this.#db
      .all(
        'SELECT * FROM approvals WHERE ?1 IS NULL OR state = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2',
        filter.state ?? null,
        filter.limit,
      )
      .map((row) => ApprovalRecord.parse(row));
  }

  /** Of one task, oldest first. */
  async ofTask(taskId: string): Promise<ApprovalRecord[]> {
    return this.#db
      .all('SELECT * FROM approvals WHERE task_id = ? ORDER BY created_at, id', taskId)
      .map((row) => ApprovalRecord.parse(row));
  }

  /** Those that nobody has decided in time. */
  async overdue(now: number): Promise<ApprovalRecord[]> {
    return this.#db
      .all(
        "SELECT * FROM approvals WHERE state = 'pending' AND expires_at <= ? ORDER BY expires_at LIMIT 100",
        now,
      )
      .map((row) => ApprovalRecord.parse(row));
  }

  /** Lets what was withdrawn be asked again, as something new. */
  async letGo(id: string): Promise<void> {
    this.#db.run(
      "UPDATE approvals SET dedup_key = dedup_key || ' ' || id WHERE id = ? AND state = 'withdrawn'",
      id,
    );
  }

  /** Has another run of the same task wait for it. */
  async bindTo(id: string, runId: string): Promise<void> {
    this.#db.run('UPDATE approvals SET run_id = ? WHERE id = ?', runId, id);
  }

  /** Who has approved so far, where one approval is not enough. */
  async approvedBy(id: string, names: readonly string[]): Promise<void> {
    this.#db.run('UPDATE approvals SET approved_by = ? WHERE id = ?', JSON.stringify(names), id);
  }

  async end(id: string, end: ApprovalEnd): Promise<void> {
    this.#db.run(
      'UPDATE approvals SET state = ?, decided_at = ?, decided_by = ?, why = ?, answer = ? WHERE id = ?',
      end.state,
      end.at,
      end.by ?? null,
      end.why ?? null,
      end.answer ?? null,
      id,
    );
  }
}

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** Who changed something. */
export type Actor = 'control' | `agent/${string}` | `person/${string}`;

/** What can be changed. A run is on record where that says more than its task does; a letter by what it is about. */
const auditedEntities = ['task', 'run', 'approval', 'agent', 'artifact', 'mission', 'letter'] as const;
export type AuditedEntity = (typeof auditedEntities)[number];

/** One change: who did what to which thing, and why. */
export interface AuditEntry {
  /** Unix milliseconds. */
  readonly at: number;
  readonly who: Actor;
  readonly what: string;
  readonly entity: AuditedEntity;
  readonly entityId: string;
  /** The state of the thing after it. */
  readonly state: string;
  readonly why: string;
}

const AuditRow = z
  .object({
    seq: z.number(),
    at: z.number(),
    who: z.custom<Actor>((who) => typeof who === 'string'),
    what: z.string(),
    entity: z.enum(auditedEntities),
    entity_id: z.string(),
    state: z.string(),
    why: z.string().nullable(),
    hash: z.string(),
  })
  .transform(({ entity_id, why, ...row }) => ({ ...row, entityId: entity_id, why: why ?? undefined }));
/** An entry as it stands in the chain; only old ones are without a reason. `hash` covers it and, through the one before, all before it. */
export type AuditRecord = z.output<typeof AuditRow>;

export type AuditVerdict =
  | { readonly kind: 'whole'; readonly records: number; readonly head: string }
  | { readonly kind: 'broken'; readonly seq: number; readonly sentence: string };

/** What the first entry is chained to. */
const GENESIS = '0'.repeat(64);
const BATCH = 1000;

/**
 * Every change there was, in order, each chained to the one before by SHA-256, so that none can be edited or taken out
 * of the middle unseen. Whoever can write the file can still cut its end off or make a whole new chain: compare the
 * head with one that was noted elsewhere.
 */
export class AuditRepository {
  readonly #db: SqliteDatabase;
  /** The record that this connection wrote last. */
  #last: { readonly seq: number; readonly hash: string; readonly rolledBack: number } | undefined;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** Must be called in a transaction; where another connection has written meanwhile, it fails and is right the next time. */
  async add(given: AuditEntry): Promise<void> {
    // As the file keeps it: half a character would come back as another.
    const entry = { ...given, who: given.who.toWellFormed() as Actor, why: given.why.toWellFormed() };
    const { rolledBack } = this.#db;
    const last = this.#last?.rolledBack === rolledBack ? this.#last : this.#newestRecord();
    const seq = last.seq + 1;
    const hash = hashOf(last.hash, { ...entry, seq });
    this.#db.run(
      'INSERT INTO audit (seq, at, who, what, entity, entity_id, state, why, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      seq,
      entry.at,
      entry.who,
      entry.what,
      entry.entity,
      entry.entityId,
      entry.state,
      entry.why,
      hash,
    );
    this.#last = { seq, hash, rolledBack };
  }

  #newestRecord(): { readonly seq: number; readonly hash: string } {
    const row = this.#db.get('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1');
    return { seq: Number(row?.['seq'] ?? 0), hash: String(row?.['hash'] ?? GENESIS) };
  }

  /** Of one thing, oldest first. */
  async of(entity: AuditedEntity, entityId: string): Promise<AuditRecord[]> {
    return this.#db
      .all('SELECT * FROM audit WHERE entity = ? AND entity_id = ? ORDER BY seq', entity, entityId)
      .map((row) => AuditRow.parse(row));
  }

  /** Whether this was done to it before: for what may be done twice and is on record once. */
  async has(entity: AuditedEntity, entityId: string, what: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM audit WHERE entity = ? AND entity_id = ? AND what = ? LIMIT 1';
    return this.#db.get(sql, entity, entityId, what) !== undefined;
  }

  /** How often this was done to it since then. */
  async countOf(entity: AuditedEntity, entityId: string, what: string, since: number): Promise<number> {
    const sql = 'SELECT count(*) AS n FROM audit WHERE entity = ? AND entity_id = ? AND what = ? AND at >= ?';
    return Number(this.#db.get(sql, entity, entityId, what, since)?.['n'] ?? 0);
  }

  /** Newest first, of all or of those before this place. */
  async newest(limit: number, before = Number.MAX_SAFE_INTEGER): Promise<AuditRecord[]> {
    return this.#db
      .all('SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?', before, limit)
      .map((row) => AuditRow.parse(row));
  }

  /** What came after this place, oldest first, of one task or of all. */
  async after(seq: number, limit: number, taskId?: string): Promise<AuditRecord[]> {
    const rows = taskId
      ? this.#db.all(
          "SELECT * FROM audit WHERE entity = 'task' AND entity_id = ? AND seq > ? ORDER BY seq LIMIT ?",
          taskId,
          seq,
          limit,
        )
      : this.#db.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', seq, limit);
    return rows.map((row) => AuditRow.parse(row));
  }

  /** The place of the newest; 0 when there is none. */
  async lastSeq(): Promise<number> {
    return Number(this.#db.get('SELECT max(seq) AS seq FROM audit')?.['seq'] ?? 0);
  }

  /**
   * Goes through the whole chain, and names the first record that is not as it was written. A head that was noted
   * elsewhere has to be the hash of one of them: where it is not, the end was cut off, or all of it is another chain.
   */
  async verify(noted = GENESIS): Promise<AuditVerdict> {
    let head = GENESIS;
    let seq = 0;
    let isNotedThere = noted === GENESIS;
    for (;;) {
      const rows = this.#db.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', seq, BATCH);
      if (rows.length === 0) {
        if (isNotedThere) return { kind: 'whole', records: seq, head };
        const end = `the ${seq} records that are there are whole, but none has the hash ${noted}`;
        return broken(seq + 1, `${end}: the end was cut off, or the chain was made anew`);
      }
      // A long chain must not keep everything else waiting.
      await setImmediate();
      for (const row of rows) {
        seq += 1;
        const record = AuditRow.safeParse(row).data;
        if (!record) return broken(seq, `record ${seq} is not one`);
        if (record.seq !== seq)
          return broken(seq, `record ${seq} is missing; the next one there is ${record.seq}`);
        head = hashOf(head, record);
        if (record.hash !== head) return broken(seq, `record ${seq} is not as it was written`);
        isNotedThere ||= head === noted;
      }
    }
  }
}

function broken(seq: number, sentence: string): AuditVerdict {
  return { kind: 'broken', seq, sentence };
}

function hashOf(
  before: string,
  { seq, at, who, what, entity, entityId, state, why }: Omit<AuditRecord, 'hash'>,
): string {
  const said = JSON.stringify([seq, at, who, what, entity, entityId, state, why ?? null]);
  return createHash('sha256').update(before).update(said).digest('hex');
}

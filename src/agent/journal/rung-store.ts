import { z } from 'zod';
import { noUsage, Usage } from '#core/usage.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** How far a run has come in being helped out of a circle. 0: it is on its first turn. */
export interface Rung {
  readonly level: number;
  /** What the turns before have used. */
  readonly spent: Usage;
  /** What the last of them had tried, for the one that begins anew. */
  readonly tried: string;
}

const RungRow = z.object({ level: z.number(), spent: z.string(), tried: z.string() });

/** The rungs that runs are on, each written before what it stands for is done. */
export class RungStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  of(runId: string): Rung {
    const row = this.#db.get('SELECT level, spent, tried FROM rungs WHERE run_id = ?', runId);
    if (!row) return { level: 0, spent: noUsage, tried: '' };
    const { level, spent, tried } = RungRow.parse(row);
    return { level, tried, spent: Usage.parse(JSON.parse(spent)) };
  }

  climb(runId: string, { level, spent, tried }: Rung): void {
    this.#db.run(
      `INSERT INTO rungs (run_id, level, spent, tried) VALUES (?, ?, ?, ?)
       ON CONFLICT (run_id) DO UPDATE SET level = excluded.level, spent = excluded.spent, tried = excluded.tried`,
      runId,
      level,
      JSON.stringify(spent),
      tried,
    );
  }

  /** Adds what the turn that was ended has used. */
  spend(runId: string, spent: Usage): void {
    this.#db.run('UPDATE rungs SET spent = ? WHERE run_id = ?', JSON.stringify(spent), runId);
  }
}

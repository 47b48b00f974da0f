import { z } from 'zod';
import { TrustLabel } from '#core/envelope.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Actor } from './audit-repository.ts';

const ArtifactRow = z
  .object({
    digest: z.string(),
    producer: z.custom<Actor>((who) => typeof who === 'string'),
    trust: TrustLabel,
    bytes: z.number(),
    media_type: z.string(),
    created_at: z.number(),
  })
  .transform(({ media_type, created_at, ...row }) => ({
    ...row,
    mediaType: media_type,
    createdAt: created_at,
  }));
/** That somebody brought an artifact, and how far what it says is to be trusted. The bytes are on the bus. */
export type ArtifactRecord = z.output<typeof ArtifactRow>;

/** Who brought which artifact: one row for each of them, also where the bytes are the same. */
export class ArtifactRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async add(record: ArtifactRecord): Promise<void> {
    this.#db.run(
      'INSERT INTO artifacts (digest, producer, trust, bytes, media_type, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      record.digest,
      record.producer,
      record.trust,
      record.bytes,
      record.mediaType,
      record.createdAt,
    );
  }

  /** As this producer brought it, or as the first one did. */
  async find(digest: string, producer?: Actor): Promise<ArtifactRecord | undefined> {
    const row = this.#db.get(
      'SELECT * FROM artifacts WHERE digest = ?1 AND (?2 IS NULL OR producer = ?2) ORDER BY created_at LIMIT 1',
      digest,
      producer ?? null,
    );
    return row && ArtifactRow.parse(row);
  }

  /** How many bytes this producer has brought since then, with this label or any, where each artifact counts as `atLeast`. */
  async bytesOf(producer: Actor, since: number, atLeast: number, trust?: TrustLabel): Promise<number> {
    const row = this.#db.get(
      `SELECT sum(max(bytes, ?1)) AS n FROM artifacts
         WHERE producer = ?2 AND created_at >= ?3 AND (?4 IS NULL OR trust = ?4)`,
      atLeast,
      producer,
      since,
      trust ?? null,
    );
    return Number(row?.['n'] ?? 0);
  }

  /** Forgets those whose bytes have grown too old to be kept, and tells which they were. */
  async prune(before: number): Promise<ArtifactRecord[]> {
    return this.#db
      .all('DELETE FROM artifacts WHERE created_at < ? RETURNING *', before)
      .map((row) => ArtifactRow.parse(row));
  }
}

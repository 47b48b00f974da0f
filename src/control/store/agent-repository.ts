import { Heartbeat } from '#core/messages/heartbeat.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';

export interface AgentRecord {
  readonly name: string;
  /** The last heartbeat: what the agent said of itself. */
  readonly heartbeat: Heartbeat['data'];
  /** Unix milliseconds. */
  readonly lastSeenAt: number;
  /** There while it gets no new work. */
  readonly drain?: Drain | undefined;
}

/** That an agent gets no new work: who said so, why, and when (Unix milliseconds). */
export interface Drain {
  readonly by: string;
  readonly why: string | undefined;
  readonly since: number;
}

const AGENTS = 'SELECT * FROM agents LEFT JOIN agent_drains ON agent = name';

/** The agents that have ever sent a heartbeat. */
export class AgentRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async seen(heartbeat: Heartbeat['data'], at: number): Promise<void> {
    this.#db.run(
      `INSERT INTO agents (name, heartbeat, last_seen_at) VALUES (?1, ?2, ?3)
       ON CONFLICT (name) DO UPDATE SET heartbeat = ?2, last_seen_at = ?3`,
      heartbeat.agent,
      JSON.stringify(heartbeat),
      at,
    );
  }

  async byName(name: string): Promise<AgentRecord | undefined> {
    const row = this.#db.get(`${AGENTS} WHERE name = ?`, name);
    return row && fromRow(row);
  }

  async list(): Promise<AgentRecord[]> {
    return this.#db.all(`${AGENTS} ORDER BY name`).map(fromRow);
  }

  async drain(name: string, { by, why, since }: Drain): Promise<void> {
    this.#db.run(
      'INSERT INTO agent_drains (agent, by, why, since) VALUES (?, ?, ?, ?)',
      name,
      by,
      why ?? null,
      since,
    );
  }

  async resume(name: string): Promise<void> {
    this.#db.run('DELETE FROM agent_drains WHERE agent = ?', name);
  }
}

function fromRow(row: Row): AgentRecord {
  return {
    name: String(row['name']),
    heartbeat: Heartbeat.data.parse(JSON.parse(String(row['heartbeat']))),
    lastSeenAt: Number(row['last_seen_at']),
    ...(row['since'] === null ? {} : { drain: drainOf(row) }),
  };
}

function drainOf(row: Row): Drain {
  const why = row['why'];
  return {
    by: String(row['by']),
    why: typeof why === 'string' ? why : undefined,
    since: Number(row['since']),
  };
}

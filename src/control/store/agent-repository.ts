import { z } from 'zod';
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

const ToldAlarms = z.array(z.string());

const AGENTS = 'SELECT * FROM agents LEFT JOIN agent_drains ON agent = name';

/** The agents that have ever sent a heartbeat. */
export class AgentRepository {
  readonly #db: SqliteDatabase;
  /** The heartbeats by name as they were read last: the dispatcher asks for all of them again and again. */
  readonly #parsed = new Map<string, { readonly text: string; readonly heartbeat: Heartbeat['data'] }>();

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
    return row && this.#fromRow(row);
  }

  async list(): Promise<AgentRecord[]> {
    return this.#db.all(`${AGENTS} ORDER BY name`).map((row) => this.#fromRow(row));
  }

  /** The names of what was told to be in alarm last, sorted. */
  async toldAlarms(name: string): Promise<string[]> {
    const row = this.#db.get('SELECT told_alarms FROM agents WHERE name = ?', name);
    return row ? ToldAlarms.parse(JSON.parse(String(row['told_alarms']))) : [];
  }

  async tellAlarms(name: string, alarms: readonly string[]): Promise<void> {
    this.#db.run('UPDATE agents SET told_alarms = ? WHERE name = ?', JSON.stringify(alarms), name);
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

  #fromRow(row: Row): AgentRecord {
    const name = String(row['name']);
    const text = String(row['heartbeat']);
    let parsed = this.#parsed.get(name);
    if (parsed?.text !== text) {
      parsed = { text, heartbeat: Heartbeat.data.parse(JSON.parse(text)) };
      this.#parsed.set(name, parsed);
    }
    return {
      name,
      heartbeat: parsed.heartbeat,
      lastSeenAt: Number(row['last_seen_at']),
      ...(row['since'] === null ? {} : { drain: drainOf(row) }),
    };
  }
}

function drainOf(row: Row): Drain {
  const why = row['why'];
  return {
    by: String(row['by']),
    why: typeof why === 'string' ? why : undefined,
    since: Number(row['since']),
  };
}

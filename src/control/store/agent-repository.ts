import { Heartbeat } from '#core/messages/heartbeat.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';

export interface AgentRecord {
  readonly name: string;
  /** The last heartbeat: what the agent said of itself. */
  readonly heartbeat: Heartbeat['data'];
  /** Unix milliseconds. */
  readonly lastSeenAt: number;
}

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
    const row = this.#db.get('SELECT * FROM agents WHERE name = ?', name);
    return row && this.#fromRow(row);
  }

  async list(): Promise<AgentRecord[]> {
    return this.#db.all('SELECT * FROM agents ORDER BY name').map((row) => this.#fromRow(row));
  }

  #fromRow(row: Row): AgentRecord {
    const name = String(row['name']);
    const text = String(row['heartbeat']);
    let parsed = this.#parsed.get(name);
    if (parsed?.text !== text) {
      parsed = { text, heartbeat: Heartbeat.data.parse(JSON.parse(text)) };
      this.#parsed.set(name, parsed);
    }
    return { name, heartbeat: parsed.heartbeat, lastSeenAt: Number(row['last_seen_at']) };
  }
}

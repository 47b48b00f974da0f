import { CONTROL_NAME } from '#core/tokens.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';

/** An agent, with the id of its account in chat. */
export interface AgentInChat {
  readonly name: string;
  readonly account: string;
}

/** The keys of what control asks itself: a person has had it tried again, or a lead takes it up. */
const BY_CONTROL = `${CONTROL_NAME}:*`;

/** What agents have asked each other, as the tasks tell that came of it. What was refused does not count, nor what control asks. */
export class TalkRepository {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** How often these two have asked each other, from `since` on (Unix ms). */
  async between(one: AgentInChat, other: AgentInChat, since: number): Promise<number> {
    const there = this.#askedBy(one, other.name, since);
    return one.name === other.name ? there : there + this.#askedBy(other, one.name, since);
  }

  /** How often agents have asked each other in a conversation since a person last asked there, from `since` on (Unix ms). */
  async withoutPerson(conversationId: string, since: number): Promise<number> {
    const row = this.#db.get(
      `SELECT count(*) AS n FROM tasks
         WHERE conversation_id = ?1 AND requester_kind = 'bot' AND state <> 'rejected' AND dedup_key NOT GLOB ?3
           AND created_at > max(?2, (
           SELECT coalesce(max(created_at), 0) FROM tasks
             WHERE conversation_id = ?1 AND requester_kind = 'human' AND state <> 'rejected' AND dedup_key NOT GLOB ?3))`,
      conversationId,
      since,
      BY_CONTROL,
    );
    return Number(row?.['n'] ?? 0);
  }

  /** In chat, and from within runs. */
  #askedBy({ name, account }: AgentInChat, agent: string, since: number): number {
    const row = this.#db.get(
      `SELECT count(*) AS n FROM tasks INDEXED BY tasks_between_agents
         WHERE requester_kind = 'bot' AND agent = ? AND requester_id = ? AND created_at >= ? AND state <> 'rejected'
           AND dedup_key NOT GLOB ?`,
      agent,
      account,
      since,
      BY_CONTROL,
    );
    const delegated = this.#db.get(
      `SELECT count(*) AS n FROM tasks AS child JOIN delegations ON task_id = child.id JOIN tasks AS parent ON parent.id = child.parent_id
         WHERE child.agent = ? AND parent.agent = ? AND child.created_at >= ?`,
      agent,
      name,
      since,
    );
    return Number(row?.['n'] ?? 0) + Number(delegated?.['n'] ?? 0);
  }
}

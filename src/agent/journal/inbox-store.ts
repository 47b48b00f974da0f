import { Conversation } from '#core/conversation.ts';
import type { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';

export interface InboxEntry {
  readonly postId: string;
  readonly target: string;
  readonly conversation: Conversation;
  readonly receivedAt: number;
  /** Whether control or a run has shown that the request arrived. */
  readonly accepted: boolean;
}

/** The messages from chat that wait for an answer. */
export class InboxStore {
  readonly #db: SqliteDatabase;
  readonly #clock: Clock;

  constructor(db: SqliteDatabase, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** False when this post is known already: the same event twice does nothing twice. */
  add(postId: string, target: string, conversation: Conversation): boolean {
    const added = this.#db.run(
      'INSERT INTO inbox (post_id, target, conversation, received_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      postId,
      target,
      JSON.stringify(conversation),
      this.#clock.now(),
    );
    return added === 1;
  }

  /** Whether this post was taken for `target` before. */
  knows(postId: string, target: string): boolean {
    return this.#db.get('SELECT 1 FROM inbox WHERE post_id = ? AND target = ?', postId, target) !== undefined;
  }

  /** Of this post, and of those below it, the ones that wait for an answer; each with whom it was for. */
  open(postId: string): Pick<InboxEntry, 'postId' | 'target' | 'conversation'>[] {
    return this.#db
      .all(
        `SELECT post_id, target, conversation FROM inbox WHERE settled_at IS NULL
           AND (post_id = ?1 OR json_extract(conversation, '$.rootId') = ?1)`,
        postId,
      )
      .map((row) => ({
        postId: String(row['post_id']),
        target: String(row['target']),
        conversation: conversationOf(row),
      }));
  }

  /** Since when (server time) the agent takes part in this channel as it does; from `now` on where that is new. */
  inModeSince(channelId: string, mode: string, now: number): number {
    const row = this.#db.get('SELECT mode, since_ms FROM channel_modes WHERE channel_id = ?', channelId);
    if (row?.['mode'] === mode) return Number(row['since_ms']);
    this.#db.run(
      `INSERT INTO channel_modes (channel_id, mode, since_ms) VALUES (?1, ?2, ?3)
       ON CONFLICT (channel_id) DO UPDATE SET mode = ?2, since_ms = ?3`,
      channelId,
      mode,
      now,
    );
    return now;
  }

  /** Whether something was ever asked of `target` in the thread of this root post. */
  wasAskedIn(rootId: string, target: string): boolean {
    const row = this.#db.get(
      "SELECT 1 FROM inbox WHERE json_extract(conversation, '$.rootId') = ? AND target = ? LIMIT 1",
      rootId,
      target,
    );
    return row !== undefined;
  }

  /**
   * The posts of a thread that its session has, or will have before anything that is asked now: they wait for an answer, or a
   * run began with them. Of those taken before `since` the gateway may have forgotten all.
   */
  inSession(rootId: string, target: string, since: number): Set<string> {
    const rows = this.#db.all(
      `SELECT post_id FROM inbox WHERE json_extract(conversation, '$.rootId') = ? AND target = ? AND received_at >= ?
         AND (settled_at IS NULL OR EXISTS (SELECT 1 FROM runs
           WHERE json_extract(dispatch, '$.conversation.postId') = post_id AND started_at IS NOT NULL))`,
      rootId,
      target,
      since,
    );
    return new Set(rows.map((row) => String(row['post_id'])));
  }

  accept(postId: string): void {
    this.#db.run(
      'UPDATE inbox SET accepted_at = ? WHERE post_id = ? AND accepted_at IS NULL',
      this.#clock.now(),
      postId,
    );
  }

  settle(postId: string): void {
    this.#db.run(
      'UPDATE inbox SET settled_at = ? WHERE post_id = ? AND settled_at IS NULL',
      this.#clock.now(),
      postId,
    );
  }

  /** Messages without an answer for at least `ageMs`, about which nothing was said yet. */
  overdue(ageMs: number): InboxEntry[] {
    const rows = this.#db.all(
      'SELECT * FROM inbox WHERE settled_at IS NULL AND noticed_at IS NULL AND received_at <= ? ORDER BY received_at',
      this.#clock.now() - ageMs,
    );
    return rows.map((row) => ({
      postId: String(row['post_id']),
      target: String(row['target']),
      conversation: conversationOf(row),
      receivedAt: Number(row['received_at']),
      accepted: row['accepted_at'] !== null,
    }));
  }

  notice(postId: string, target: string): void {
    this.#db.run(
      'UPDATE inbox SET noticed_at = ? WHERE post_id = ? AND target = ?',
      this.#clock.now(),
      postId,
      target,
    );
  }

  /** Up to which server time a channel was read; undefined when it never was. */
  readTo(channelId: string): number | undefined {
    const row = this.#db.get('SELECT read_to_ms FROM cursors WHERE channel_id = ?', channelId);
    return row ? Number(row['read_to_ms']) : undefined;
  }

  /** Moves a channel's cursor forward, never back. */
  advance(channelId: string, readToMs: number): void {
    this.#db.run(
      `INSERT INTO cursors (channel_id, read_to_ms) VALUES (?, ?)
       ON CONFLICT (channel_id) DO UPDATE SET read_to_ms = max(read_to_ms, excluded.read_to_ms)`,
      channelId,
      readToMs,
    );
  }
}

function conversationOf(row: Readonly<Record<string, unknown>>): Conversation {
  return Conversation.parse(JSON.parse(String(row['conversation'])));
}

import { AGEING_MS } from '#core/priority.ts';
import { inFlightStates } from '#core/task-states.ts';
import type { Row, SqliteDatabase } from '#integrations/sqlite/database.ts';

const IN_FLIGHT = inFlightStates.map((state) => `'${state}'`).join(', ');

/**
 * The queue of one agent by who asked and how urgently, one row each, found by skipping from one to the next in the index
 * `tasks_turns` (a loose index scan): a long back-log of few people costs as little as a short one. The indexes are named,
 * because the planner, which knows nothing of the rows, takes others that go through all that is over.
 */
const HEADS = `
  WITH RECURSIVE heads (id) AS (
    SELECT (
      SELECT id FROM tasks INDEXED BY tasks_turns WHERE agent = ?1 AND state = 'queued'
      ORDER BY author, requester_id, priority LIMIT 1
    )
    UNION ALL
    SELECT (
      SELECT next.id FROM tasks AS next INDEXED BY tasks_turns
      WHERE next.agent = ?1 AND next.state = 'queued'
        AND (next.author, next.requester_id, next.priority) > (head.author, head.requester_id, head.priority)
      ORDER BY next.author, next.requester_id, next.priority LIMIT 1
    )
    FROM heads JOIN tasks AS head USING (id)
  )
  SELECT author, requester_id, priority FROM heads JOIN tasks USING (id)`;

/** How much is out for whom. */
const TAKEN = `
  SELECT author, requester_id, count(*) AS taken FROM tasks INDEXED BY tasks_in_flight
  WHERE agent = ? AND state IN (${IN_FLIGHT}) GROUP BY author, requester_id`;

const OLDEST = `
  SELECT id, created_at FROM tasks INDEXED BY tasks_turns
  WHERE agent = ? AND state = 'queued' AND author = ? AND requester_id = ? AND priority = ? AND not_before <= ?
  ORDER BY created_at, id LIMIT ?`;

interface Candidate {
  readonly id: string;
  readonly who: string;
  readonly class: number;
  readonly createdAt: number;
}

/**
 * Ids of the tasks of one agent that may be released at `now` (Unix ms), in the order in which they are to be: by
 * priority, which grows while they wait; within one by turns of those who asked, where what is out for somebody counts
 * as turns taken; then oldest first.
 */
export function dueTasks(db: SqliteDatabase, agent: string, now: number, limit: number): string[] {
  // What is not among the first `limit` of its own kind is not among the first `limit` of all.
  const candidates = db.all(HEADS, agent).flatMap((head) => oldestOf(db, agent, head, now, limit));
  if (candidates.length <= 1) return candidates.map(({ id }) => id);
  const taken = new Map(db.all(TAKEN, agent).map((row) => [whoOf(row), Number(row['taken'])]));
  const turns = new Map<string, number>();
  return candidates
    .toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    .map((candidate) => {
      const group = `${candidate.class} ${candidate.who}`;
      const turn = (turns.get(group) ?? taken.get(candidate.who) ?? 0) + 1;
      turns.set(group, turn);
      return { ...candidate, turn };
    })
    .toSorted((a, b) => a.class - b.class || a.turn - b.turn)
    .slice(0, limit)
    .map(({ id }) => id);
}

function oldestOf(db: SqliteDatabase, agent: string, head: Row, now: number, limit: number): Candidate[] {
  const author = String(head['author']);
  const requester = String(head['requester_id']);
  const priority = Number(head['priority']);
  return db.all(OLDEST, agent, author, requester, priority, now, limit).map((row) => {
    const createdAt = Number(row['created_at']);
    return {
      id: String(row['id']),
      who: whoOf(head),
      class: Math.max(0, priority - Math.floor((now - createdAt) / AGEING_MS)),
      createdAt,
    };
  });
}

function whoOf(row: Row): string {
  return JSON.stringify([row['author'], row['requester_id']]);
}

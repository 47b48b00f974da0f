import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TaskState } from '#core/task-states.ts';

export interface TaskRow {
  readonly id: string;
  readonly dedupKey: string;
  readonly state: TaskState;
  readonly agent: string;
  readonly domain: string;
  readonly epoch: number;
  readonly answer: string;
}

export interface RunRow {
  readonly id: string;
  readonly taskId: string;
  readonly agent: string;
  readonly epoch: number;
  readonly state: string;
  /** The class in which it failed. */
  readonly failure: string | undefined;
  /** Control gave up waiting for it. */
  readonly buried: boolean;
}

/** How a daemon's journal stands. */
export interface JournalCounts {
  /** Run → its state there. */
  readonly runs: ReadonlyMap<string, string>;
  readonly pending: number;
}

/** What control has written down, read from its file by a reader of its own. */
export function readTasks(stateDir: string): { tasks: TaskRow[]; runs: RunRow[]; pending: string[] } {
  using db = open(path.join(stateDir, 'control.sqlite'));
  const buried = readBuried(db);
  return {
    tasks: db
      .prepare('SELECT id, dedup_key, state, agent, domain, epoch, answer FROM tasks')
      .all()
      .map((row) => ({
        id: String(row['id']),
        dedupKey: String(row['dedup_key']),
        state: String(row['state']) as TaskState,
        agent: String(row['agent']),
        domain: String(row['domain']),
        epoch: Number(row['epoch']),
        answer: String(row['answer'] ?? ''),
      })),
    runs: db
      .prepare('SELECT id, task_id, agent, epoch, state, failure FROM runs')
      .all()
      .map((row) => ({
        id: String(row['id']),
        taskId: String(row['task_id']),
        agent: String(row['agent']),
        epoch: Number(row['epoch']),
        state: String(row['state']),
        failure: row['failure'] === null ? undefined : String(row['failure']),
        buried: buried.has(`${row['task_id']} ${row['epoch']}`),
      })),
    pending: db
      .prepare('SELECT msg_id FROM outbox')
      .all()
      .map((row) => String(row['msg_id'])),
  };
}

/** What a daemon has written down. */
export function readJournal(stateDir: string): JournalCounts {
  const file = path.join(stateDir, 'journal.sqlite');
  if (!existsSync(file)) return { runs: new Map(), pending: 0 };
  using db = open(file);
  return {
    runs: new Map(
      db
        .prepare('SELECT run_id, state FROM runs')
        .all()
        .map((row) => [String(row['run_id']), String(row['state'])]),
    ),
    pending: Number(db.prepare('SELECT count(*) AS n FROM outbox WHERE done_at IS NULL').get()?.['n']),
  };
}

/** Run → how often its turn had its effect, as it was counted outside. */
export async function readEffects(file: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const line of (await readFile(file, 'utf8')).trimEnd().split('\n')) {
    if (line === '') continue;
    const { runId } = JSON.parse(line) as { runId: string };
    counts.set(runId, (counts.get(runId) ?? 0) + 1);
  }
  return counts;
}

/** Task and epoch of each run that was given up: the row of a run does not say so, the record of its task does. */
function readBuried(db: DatabaseSync): Set<string> {
  const epochs = new Map<string, number>();
  const buried = new Set<string>();
  const rows = db.prepare(
    "SELECT entity_id, what FROM audit WHERE entity = 'task' AND what IN ('release', 'bury') ORDER BY seq",
  );
  for (const row of rows.iterate()) {
    const task = String(row['entity_id']);
    const epoch = epochs.get(task) ?? 0;
    // Each release counts the epoch up by one.
    if (row['what'] === 'release') epochs.set(task, epoch + 1);
    else buried.add(`${task} ${epoch}`);
  }
  return buried;
}

function open(file: string): DatabaseSync & Disposable {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec('PRAGMA busy_timeout=2000');
  return Object.assign(db, { [Symbol.dispose]: () => db.close() });
}

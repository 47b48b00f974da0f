import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '#lib/clock.ts';
import { type Repositories, Store } from '../../src/control/store/store.ts';

/** Of which table which change has to be on record: what the record may be about, and what of a row needs none. */
interface Watched {
  /** SQL over `row`, the new one or the one that is gone. */
  readonly about: readonly string[];
  /** SQL over NEW and OLD: an update that needs a record. */
  readonly whenUpdated?: string;
}

const ofTask = (column: string): Watched => ({ about: [`'task/' || row.${column}`] });
const trait = (name: string): string =>
  `json_extract(NEW.heartbeat, '$.${name}') IS NOT json_extract(OLD.heartbeat, '$.${name}')`;
const alarms = (row: string): string =>
  `(SELECT group_concat(value ->> 'name') FROM json_each(${row}.heartbeat, '$.conditions') WHERE value ->> 'alarm')`;

const WATCHED: Readonly<Record<string, Watched>> = {
  // That somebody was told changes nothing of the task.
  tasks: { ...ofTask('id'), whenUpdated: 'NEW.told_queued IS OLD.told_queued' },
  task_waits: ofTask('task_id'),
  task_dependencies: ofTask('task_id'),
  delegations: ofTask('task_id'),
  debounces: ofTask('task_id'),
  merged_requests: ofTask('task_id'),
  runs: { about: ["'run/' || row.id", "'task/' || row.task_id"] },
  // That it is alive, and how it is doing, is told every few seconds; but not that something is in alarm.
  agents: {
    about: ["'agent/' || row.name"],
    whenUpdated: [
      ...['role', 'domains', 'version', 'limits'].map(trait),
      `${alarms('NEW')} IS NOT ${alarms('OLD')}`,
      'NEW.told_alarms IS NOT OLD.told_alarms',
    ].join(' OR '),
  },
  agent_drains: { about: ["'agent/' || row.agent"] },
  missions: { about: ["'mission/' || row.id"] },
  approvals: { about: ["'approval/' || row.id"] },
  artifacts: { about: ["'artifact/' || row.digest"] },
  github_tasks: ofTask('task_id'),
};
/** What is to be sent, counts for a minute, was said already or learnt elsewhere, and the record itself. */
const UNWATCHED = new Set([
  ...['outbox', 'asks', 'chat_commands', 'audit', 'watched', 'sqlite_sequence'],
  ...['github_deliveries', 'github_closings', 'github_cursors', 'github_pulls'],
]);

/** A store that finds out, by triggers of SQLite, which rows a transaction changes without a record of it. */
export class WatchedStore extends Store {
  /** What was changed without a record, or with one that lacks who, what or why. */
  readonly unrecorded: string[] = [];
  /** Where in the source repositories were called that write: `<file>:<line>`. */
  readonly called = new Set<string>();
  readonly #db: DatabaseSync;
  #last: Promise<unknown> = Promise.resolve();

  constructor(stateDir: string) {
    super({ stateDir, clock: systemClock });
    this.#db = new DatabaseSync(path.join(stateDir, 'control.sqlite'));
    this.#db.exec('CREATE TABLE watched (change TEXT NOT NULL, about TEXT NOT NULL)');
    for (const { name } of this.#db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
      const table = String(name);
      if (UNWATCHED.has(table)) continue;
      const watched = WATCHED[table];
      if (!watched) throw new Error(`say in watched-store.ts what has to be on record of the table ${table}`);
      for (const change of ['INSERT', 'UPDATE', 'DELETE'] as const) this.#watch(table, change, watched);
    }
  }

  override transaction<T>(work: (tx: Repositories) => Promise<T>): Promise<T> {
    // One after another, so that it is known which records are whose.
    const result = this.#last.then(() => this.#watched(work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  override async stop(): Promise<void> {
    this.#db.close();
    await super.stop();
  }

  async #watched<T>(work: (tx: Repositories) => Promise<T>): Promise<T> {
    const before = await this.read.audit.lastSeq();
    const result = await super.transaction((tx) => work(this.#noting(tx)));
    const records = await this.read.audit.after(before, 10_000);
    for (const { who, what, why, entity, entityId } of records) {
      if (!who || !what || !why) this.unrecorded.push(`${entity}/${entityId}: ${who} ${what} ${why}`);
    }
    const about = new Set(records.map(({ entity, entityId }) => `${entity}/${entityId}`));
    for (const row of this.#db.prepare('SELECT * FROM watched').all()) {
      const names: string[] = JSON.parse(String(row['about']));
      if (!names.some((name) => about.has(name))) this.unrecorded.push(`${row['change']} of ${names[0]}`);
    }
    this.#db.exec('DELETE FROM watched');
    return result;
  }

  /** The same repositories, with a note of who calls what. */
  #noting(tx: Repositories): Repositories {
    const noting = (repository: object): object =>
      new Proxy(repository, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          return (...given: unknown[]): unknown => {
            const site = /src\/control\/(?!store\/)\S+?\.ts:\d+/.exec(new Error().stack ?? '');
            if (site) this.called.add(site[0]);
            return member.apply(target, given);
          };
        },
      });
    return Object.fromEntries(Object.entries(tx).map(([name, each]) => [name, noting(each)])) as never;
  }

  #watch(table: string, change: 'INSERT' | 'UPDATE' | 'DELETE', { about, whenUpdated }: Watched): void {
    const row = change === 'DELETE' ? 'OLD' : 'NEW';
    const when = change === 'UPDATE' && whenUpdated ? `WHEN ${whenUpdated}` : '';
    const names = about.map((each) => each.replaceAll('row.', `${row}.`)).join(', ');
    this.#db.exec(
      `CREATE TRIGGER watch_${table}_${change} AFTER ${change} ON ${table} ${when}
       BEGIN INSERT INTO watched VALUES ('${change} on ${table}', json_array(${names})); END`,
    );
  }
}

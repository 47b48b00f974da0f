import assert from 'node:assert/strict';
import { OlympusError } from '#core/errors.ts';
import { type RunEvent, runStates, runTransitions } from '#core/run-states.ts';
import { subjectsOf } from '#core/subjects.ts';
import { type TaskEvent, type TaskState, taskStates, taskTransitions } from '#core/task-states.ts';
import { Random } from '#test/chaos/random.ts';
import { ManualClock } from '#test/manual-clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import type { TaskRecord } from '../../src/control/store/records.ts';
import { type Repositories, Store } from '../../src/control/store/store.ts';
import { advanceTask } from '../../src/control/tasks/advance.ts';

const SEED = 2;
const WALKS = 250;
const STEPS = 20;
const PATIENCE_MS = 30_000;

const clock = new ManualClock();

/** The table as a walk asks it: state, then event. */
type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * An event that leads where no walk has been; where there is none, half of the time one that the table allows, else any
 * at all.
 */
function pickEvent(random: Random, table: Table, state: string, seen: ReadonlySet<string>): string {
  const row = Object.entries(table[state] ?? {});
  const fresh = row.flatMap(([event, next]) => (seen.has(next) ? [] : [event]));
  if (fresh.length > 0) return random.pick(fresh);
  if (row.length > 0 && random.next() < 0.5) return random.pick(row)[0];
  return random.pick([...new Set(Object.values(table).flatMap(Object.keys))]);
}

describe('a random walk', () => {
  let dir: TempDir;

  before(async () => {
    dir = await tempDir('walk');
  });
  after(() => dir[Symbol.asyncDispose]());

  describe('of a task through its store', () => {
    const context = { fleet: 'olympus', subjects: subjectsOf('olympus'), now: () => clock.now(), onEnd: [] };
    const table: Table = taskTransitions;
    let store: Store;

    before(async () => {
      store = new Store({ stateDir: dir.path, clock });
      await store.start();
    });
    after(() => store.stop());

    async function insert(tx: Repositories, id: string): Promise<TaskRecord> {
      await tx.tasks.insert({
        id,
        dedupKey: id,
        agent: 'athena',
        domain: 'planning',
        text: 'walk',
        requester: { id: 'u1', name: 'ada', kind: 'human' },
        depth: 0,
        priority: 2,
        trust: 'member',
        author: 'athena',
        conversation: undefined,
        deadline: clock.now() + 1000,
        now: clock.now(),
      });
      return found(await tx.tasks.byId(id));
    }

    /** One step, taken or refused as the table says, and what the store has of it afterwards. */
    async function step(tx: Repositories, task: TaskRecord, event: TaskEvent): Promise<TaskRecord> {
      const next = table[task.state]?.[event];
      const walk = (): Promise<TaskRecord> =>
        advanceTask(tx, context, task, event, { by: 'control', reason: 'walk' });
      if (next === undefined) await assert.rejects(walk, isConflict, `${task.state} took ${event}`);
      else assert.equal((await walk()).state, next, `${task.state} × ${event}`);
      const stored = found(await tx.tasks.byId(task.id));
      assert.equal(stored.state, next ?? task.state);
      return stored;
    }

    it('takes the steps of the table, refuses all others, and leaves a record of each it took', async () => {
      const random = new Random(SEED);
      const seen = new Set<TaskState>();
      let refused = 0;
      for (let walk = 0; walk < WALKS; walk++) {
        const taken: string[] = [];
        await store.transaction(async (tx) => {
          let task = await insert(tx, `walk-${walk}`);
          for (let each = 0; each < STEPS; each++) {
            const { state } = task;
            const event = pickEvent(random, table, state, seen) as TaskEvent;
            seen.add(state);
            task = await step(tx, task, event);
            seen.add(task.state);
            if (table[state]?.[event] === undefined) refused += 1;
            else taken.push(`${event} ${task.state}`);
          }
        });
        const records = await store.read.audit.of('task', `walk-${walk}`);
        assert.deepEqual(
          records.map(({ what, state }) => `${what} ${state}`),
          taken,
        );
      }

      assert.ok(refused > (WALKS * STEPS) / 2, `only ${refused} were refused`);
      assert.deepEqual([...seen].toSorted(), taskStates.toSorted());
      assert.equal((await store.read.audit.verify()).kind, 'whole');
    }).timeout(PATIENCE_MS);
  });

  describe('of a run through the journal', () => {
    const table: Table = runTransitions;
    let journal: Journal;

    before(async () => {
      journal = new Journal({ stateDir: dir.path, clock });
      await journal.start();
    });
    after(() => journal.stop());

    const claim = (runId: string): void => {
      const input = { text: 'walk', requester: 'ada' };
      const at = { deadline: new Date(clock.now() + 1000).toISOString(), startToCloseMs: 1000 };
      const of = { taskId: 'walk', runId, attempt: 1, epoch: 1, agent: 'athena', domain: 'planning' };
      journal.runs.claim({ ...of, ...at, input, session: { key: 'olympus:task:walk' } }, 'nonce');
    };

    it('takes the steps of the table, and refuses all others and a second claim', async () => {
      const random = new Random(SEED);
      const seen = new Set<string>();
      for (let walk = 0; walk < WALKS; walk++) {
        const runId = `run-${walk}`;
        await journal.transaction(() => {
          claim(runId);
          for (let each = 0; each < STEPS; each++) {
            const state = found(journal.runs.get(runId)).state;
            seen.add(state);
            const event = pickEvent(random, table, state, seen) as RunEvent;
            const next = table[state]?.[event];
            const walkOn = () => journal.runs.advance(runId, event);
            if (next === undefined) assert.throws(walkOn, isConflict, `${state} took ${event}`);
            else walkOn();
            assert.equal(found(journal.runs.get(runId)).state, next ?? state);
          }
          assert.throws(() => claim(runId), /UNIQUE/);
        });
      }

      assert.deepEqual([...seen].toSorted(), runStates.toSorted());
      assert.throws(() => journal.runs.advance('nobody', 'start'), isConflict);
    }).timeout(PATIENCE_MS);
  });
});

function isConflict(error: unknown): boolean {
  return error instanceof OlympusError && error.code === 'state_conflict';
}

function found<T>(value: T | undefined): T {
  assert.ok(value);
  return value;
}

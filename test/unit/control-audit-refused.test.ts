import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '#lib/clock.ts';
import { arrived, controlOver } from '#test/control-without-bus.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { admit } from '../../src/control/admission/admission.ts';
import { keepRecord } from '../../src/control/artifacts/keep-record.ts';
import { cancelTask } from '../../src/control/cancel/cancel.ts';
import { drainAgent } from '../../src/control/drain/drain.ts';
import { type Repositories, Store } from '../../src/control/store/store.ts';
import { startMission } from '../../src/control/workflow/start.ts';

const ADA = { by: 'ada', why: 'it rains' } as const;

describe('a change that cannot be put on record', () => {
  let dir: TempDir;
  let store: Store;
  let file: DatabaseSync;
  let control: ReturnType<typeof controlOver>;
  let taskId: string;

  const beat = (domains: string[]): Promise<void> =>
    control.heartbeat(arrived('olympus.heartbeat.athena', heartbeatOf('athena', { domains })));
  async function ask(tx: Repositories): Promise<string> {
    const { data: request } = requestOf('athena', 'Look.');
    return (await admit(tx, control.limits, { author: 'athena', by: 'agent/athena', request, depth: 0 })).id;
  }
  const everything = (): unknown =>
    file
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all()
      .map(({ name }) => [name, file.prepare(`SELECT * FROM ${String(name)}`).all()]);

  before(async () => {
    dir = await tempDir('audit-refused');
    store = new Store({ stateDir: dir.path, clock: systemClock });
    file = new DatabaseSync(path.join(dir.path, 'control.sqlite'));
    control = controlOver(store);
    await beat(['planning']);
    taskId = await store.transaction(ask);
    file.exec(
      "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room for a record'); END",
    );
  });
  after(async () => {
    file.close();
    await store.stop();
    await dir[Symbol.asyncDispose]();
  });

  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    'a request': () => store.transaction(ask),
    'a cancellation': () =>
      store.transaction(async (tx) => {
        const task = await tx.tasks.byId(taskId);
        assert.ok(task);
        await cancelTask(tx, control.context, task, ADA);
      }),
    'a drain': () =>
      store.transaction(async (tx) => {
        const agent = await tx.agents.byName('athena');
        assert.ok(agent);
        await drainAgent(tx, control.context, agent, ADA);
      }),
    'an agent that is another': () => beat(['security']),
    'an artifact': () =>
      store.transaction((tx) =>
        keepRecord(tx, {
          ...{ digest: 'sha256:0', producer: 'agent/athena', trust: 'bot', bytes: 3 },
          ...{ mediaType: 'text/plain', createdAt: Date.now() },
        }),
      ),
    'a workflow': () =>
      store.transaction((tx) => {
        const step = { id: 'look', agent: 'athena', ask: 'Look.' };
        const join = { deadline: 60_000, need: 1 };
        const workflow = { name: 'news', lead: 'athena', steps: [step], join, synthesise: 'Sum it up.' };
        return startMission(tx, control.limits, workflow, { by: 'ada', dedupKey: 'm' });
      }),
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`is not made: ${name} leaves nothing behind`, async () => {
      const before = everything();

      await assert.rejects(change, /no room for a record/);

      assert.deepEqual(everything(), before);
    });
  }

  it('is made once there is room again', async () => {
    file.exec('DROP TRIGGER broken');
    for (const change of Object.values(changes)) await change();

    assert.equal((await store.read.tasks.byId(taskId))?.state, 'cancelling');
    assert.equal((await store.read.agents.byName('athena'))?.drain?.by, 'ada');
    assert.equal((await store.read.audit.verify()).kind, 'whole');
  });
});

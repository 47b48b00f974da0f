import assert from 'node:assert/strict';
import type { Heartbeat } from '#core/messages/heartbeat.ts';
import { arrived, controlOver } from '#test/control-without-bus.ts';
import { heartbeatOf } from '#test/messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { WatchedStore } from '#test/watched-store.ts';
import { agentView } from '../../src/control/registry/registry.ts';

type Conditions = Heartbeat['data']['conditions'];

const WELL = { name: 'chat', ready: true };
const AWAY = { name: 'chat', ready: false, reason: 'reconnecting' };
const DEAF = { name: 'chat', ready: false, alarm: true, reason: 'hears nothing since noon' };
const FULL = { name: 'journal', ready: false, alarm: true };

describe('an alarm of an agent', () => {
  let dir: TempDir;
  let store: WatchedStore;
  let control: ReturnType<typeof controlOver>;
  let now = 0;
  beforeEach(async () => {
    dir = await tempDir('alarms');
    store = new WatchedStore(dir.path);
    now = Date.now();
    control = controlOver(store, { now: () => now });
  });
  afterEach(async () => {
    await store.stop();
    await dir[Symbol.asyncDispose]();
  });

  async function beat(...conditions: Conditions): Promise<void> {
    const heartbeat = heartbeatOf('athena', { conditions });
    await control.heartbeat(arrived('olympus.heartbeat.athena', heartbeat));
  }
  const told = async (): Promise<string[]> =>
    (await store.read.audit.of('agent', 'athena'))
      .filter(({ what }) => what !== 'register')
      .map(({ who, what, why }) => `${who} ${what}: ${why}`);

  it('is told once, with its reason, and so is its end', async () => {
    await beat(WELL);
    await beat(AWAY);
    await beat(DEAF);
    await beat({ ...DEAF, reason: 'hears nothing since noon: 502' });
    await beat(WELL);
    await beat(WELL);

    assert.deepEqual(await told(), [
      'agent/athena alarm: chat: hears nothing since noon',
      'agent/athena alarm-over: chat is ready again',
    ]);
    const events = (await store.outboxSource().next(10, [])).map(
      ({ payload }) => payload as { subject: string },
    );
    assert.deepEqual(
      events.map(({ subject }) => subject.replace(/^roundtable\.events\.[^.]+\./, '')),
      ['agent.athena.register', 'agent.athena.alarm', 'agent.athena.alarm-over'],
    );
  });

  it('is told again when something else is in alarm as well', async () => {
    await beat(DEAF);
    await beat(DEAF, FULL);
    await beat(WELL);

    assert.deepEqual(await told(), [
      'agent/athena alarm: chat: hears nothing since noon',
      'agent/athena alarm: chat: hears nothing since noon; journal: it does not say why',
      'agent/athena alarm-over: chat is ready again; journal is ready again',
    ]);
    assert.deepEqual(store.unrecorded, []);
  });

  it('does not end well because the daemon was started anew', async () => {
    await beat(DEAF);
    await beat(AWAY);

    const [, over] = await told();
    assert.equal(
      over,
      'agent/athena alarm-over: chat is not ready, and raises no alarm any more: reconnecting',
    );
  });

  it('is not told all the time of an agent that raises it all the time', async () => {
    for (let times = 0; times < 70; times += 1) {
      await beat(DEAF);
      await beat(WELL);
    }

    assert.equal((await told()).length, 120);

    await beat(DEAF);
    await beat(DEAF);
    assert.equal((await told()).length, 120);
    now += 3_600_001;
    await beat(DEAF);
    assert.equal((await told()).at(-1), 'agent/athena alarm: chat: hears nothing since noon');
    assert.equal((await told()).length, 121, 'once it may be told, it is');
    const [athena] = await store.read.agents.list();
    assert.ok(athena);
    assert.deepEqual(agentView(athena, now).conditions, [DEAF]);
  });
});

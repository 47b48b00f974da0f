import assert from 'node:assert/strict';
import type { AuditView, TaskView, WhyView } from '#core/api.ts';
import { subjectsOf } from '#core/subjects.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { admit } from '../../src/control/admission/admission.ts';
import { Dependents } from '../../src/control/dependencies/dependents.ts';
import { Store } from '../../src/control/store/store.ts';
import { advanceTask } from '../../src/control/tasks/advance.ts';

const FLEET = 'f1';

describe('tasks that come after others', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_SWEEP_MS: '500' });
    athena = await PlayedAgent.join(control, FLEET, 'athena', { concurrency: 16 });
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const ada = () => new Operator(control);
  const cli = (...args: string[]) => ada().cli(...args);
  const show = (id: string) => ada().show(id);
  const untilState = (id: string, state: string) => ada().untilState(id, state);
  async function create(text: string, more: object = {}): Promise<TaskView> {
    const wanted = { agent: 'athena', text, by: 'ada', ...more };
    const { status, body } = await control.api<TaskView>('POST', '/v1/tasks', wanted);
    assert.equal(status, 201);
    return body;
  }

  it('are held until the last of them is completed, say so, and then are released', async () => {
    const [first, second] = [await create('first'), await create('second')];
    const [one, two] = [await athena.next(), await athena.next()];

    const third = await cli(
      ...['task', 'create', 'athena', 'third', '--after', first.id, '--after', second.id],
    );
    assert.equal(third.code, 0, third.stderr);
    const id = third.stdout.trim();
    const why = await cli('task', 'why', id, '--json');
    const { state, owner, reason } = JSON.parse(why.stdout) as WhyView;
    assert.deepEqual([state, owner], ['blocked', 'control']);
    assert.ok(reason.includes(first.id) && reason.includes(second.id), reason);

    await athena.succeed(one, 'done');
    await untilState(first.id, 'completed');
    assert.equal((await show(id)).state, 'blocked');
    await athena.succeed(two, 'done too');

    const dispatch = await athena.next();
    assert.equal(dispatch.taskId, id);
    await athena.succeed(dispatch, 'at last');
    const ended = await untilState(id, 'completed');
    assert.deepEqual(
      ended.history.map(({ event }) => event),
      ['admit', 'block', 'queue', 'release', 'complete'],
    );
    const shown = await cli('task', 'show', id);
    assert.match(shown.stdout, new RegExp(`after +${first.id} of athena, completed`));
  });

  it('fail with a reason that names the one that failed, down the row', async () => {
    const first = await create('will fail');
    const second = await create('second', { after: [first.id] });
    const third = await create('third', { after: [second.id] });

    await athena.fail(await athena.next(), 'model_auth');

    const failed = await untilState(second.id, 'failed');
    assert.equal(failed.reason, `dependency_failed: task ${first.id} of athena is failed (model_auth)`);
    assert.match((await show(third.id)).reason ?? '', new RegExp(`^dependency_failed: task ${second.id} `));
    const why = await cli('task', 'why', third.id);
    assert.match(why.stdout, /did not succeed\. task .* is failed\./);
    assert.match(why.stdout, /olympus task retry/);
  });

  it('count the latest try of what they come after, and are asked again with it', async () => {
    const first = await create('fails once');
    const second = await create('second', { after: [first.id] });
    await athena.fail(await athena.next(), 'model_auth');
    await untilState(second.id, 'failed');
    const by = { by: 'ada' };

    const { body: again } = await control.api<TaskView>('POST', `/v1/tasks/${first.id}/retry`, by);
    const { body: waiting } = await control.api<TaskView>('POST', `/v1/tasks/${second.id}/retry`, by);
    assert.equal(waiting.state, 'blocked');
    assert.equal((await show(waiting.id)).after?.[0]?.id, again.id);
    await athena.succeed(await athena.next(), 'this time');

    const dispatch = await athena.next();
    assert.equal(dispatch.taskId, waiting.id);
    await athena.succeed(dispatch, 'done');
  });

  it('are done all the same where that was asked for', async () => {
    const first = await create('to be cancelled');
    const second = await create('go on', { after: [first.id], whenItFails: 'go-on' });
    await cli('task', 'cancel', first.id);
    await athena.fail(await athena.next(), 'cancelled');

    const dispatch = await athena.next();
    assert.equal(dispatch.taskId, second.id);
    await athena.succeed(dispatch, 'done');
  });

  it('are refused with a sentence when there is no such task', async () => {
    const refused = await create('after nothing', { after: ['t-9'] });
    assert.equal(refused.state, 'rejected');
    assert.equal(refused.reason, 'unknown_dependency');
    const { code, stderr } = await cli('task', 'create', 'athena', 'x', '--after', '019a2f3c-5d1e');
    assert.equal(code, 1);
    assert.match(stderr, /No task begins with 019a2f3c-5d1e/);
  });

  it('can be asked for by an agent, over the bus', async () => {
    const first = await create('of a person');
    const request = requestOf('athena', 'of an agent');
    const body = { ...request, data: { ...request.data, after: [first.id] } };
    await athena.bus.request(`${FLEET}.requests.athena.task-create`, JSON.stringify(body));

    const waiting = await waitFor('the request to be admitted', async () => {
      const { body: list } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=blocked');
      return list.tasks.find(({ text }) => text === 'of an agent');
    });
    await athena.succeed(await athena.next(), 'done');
    await athena.succeed(await athena.next(), 'done');
    await untilState(waiting.id, 'completed');
  });

  it('are released once, whenever control is killed', async function () {
    this.timeout(120_000);
    const first = await create('before the kill');
    const second = await create('after the kill', { after: [first.id] });
    const dispatch = await athena.next();

    await control.kill();
    await athena.succeed(dispatch, 'handed in while control was away');
    await control.start();
    const [released] = [await athena.next()];
    assert.equal(released.taskId, second.id);
    await control.kill();
    await control.start();
    await athena.succeed(released, 'done');

    const ended = await untilState(second.id, 'completed');
    assert.equal(ended.runs.length, 1);
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    const queued = body.records.filter(({ entityId, what }) => entityId === second.id && what === 'queue');
    assert.equal(queued.length, 1);
  });
});

describe('the sweep over tasks that wait', () => {
  it('settles what was left as it was when the task before it ended', async () => {
    await using dir = await tempDir('dependents');
    const store = new Store({ stateDir: dir.path, clock: systemClock });
    // As if control had ended between the two: nothing is done about an end.
    const context = { fleet: FLEET, subjects: subjectsOf(FLEET), now: () => Date.now(), onEnd: [] };
    const options = {
      store,
      context,
      deadlineMs: 60_000,
      approvalMs: 60_000,
      ...{ perMinute: 60, pairPerDay: 30, access: { channels: {} } },
      log: createLogger({ name: 'test', level: 'silent' }),
    };
    const admitted = (dedupKey: string, after: string[] = []) =>
      store.transaction(async (tx) => {
        await tx.agents.seen(heartbeatOf('athena').data, Date.now());
        const { data } = requestOf('athena', dedupKey, dedupKey);
        const request = { ...data, after };
        return admit(tx, options, { author: 'control', by: 'control', request, depth: 0 });
      });
    const first = await admitted('first');
    const second = await admitted('second', [first.id]);
    await store.transaction((tx) =>
      advanceTask(tx, context, first, 'expire', { by: 'control', reason: 'too late' }),
    );
    const dependents = new Dependents({
      ...options,
      everyMs: 60_000,
      onSettled: () => undefined,
      clock: systemClock,
    });

    await dependents.start();

    await waitFor('it to fail', async () => (await store.read.tasks.byId(second.id))?.state === 'failed');
    await dependents.stop();
    await store.stop();
  });
});

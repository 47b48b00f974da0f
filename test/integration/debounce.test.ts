import assert from 'node:assert/strict';
import type { AuditView, TaskView } from '#core/api.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { requestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const LONG = 60_000;

describe('requests that wait for later ones of their key', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await PlayedAgent.join(control, FLEET, 'athena', { concurrency: 16 });
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const ada = () => new Operator(control);
  const show = (id: string) => ada().show(id);
  const why = (id: string) => ada().why(id);
  async function ask(text: string, key: string, windowMs: number, more: object = {}): Promise<TaskView> {
    const wanted = { agent: 'athena', text, by: 'ada', debounce: { key, windowMs }, ...more };
    const { status, body } = await control.api<TaskView>('POST', '/v1/tasks', wanted);
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  }
  const heldUntil = async (id: string): Promise<number> => {
    const { owner, next } = await why(id);
    assert.equal(owner, 'control');
    const [, at] = /^It is released after (.*)\.$/.exec(next) ?? [];
    assert.ok(at, next);
    return Date.parse(at);
  };

  it('come to one task with the words of the last, which is released once', async () => {
    const first = await ask('build 1', 'build', 3000, { dedupKey: 'b1' });
    const second = await ask('build 2', 'build', 3000, { dedupKey: 'b2' });
    const third = await ask('build 3', 'build', 3000, { dedupKey: 'b3' });
    assert.deepEqual([second.id, third.id], [first.id, first.id]);
    const again = await ask('build 2', 'build', 3000, { dedupKey: 'b2' });
    assert.equal(again.id, first.id);
    assert.equal((await show(first.id)).text, 'build 3', 'a second delivery changes nothing');

    const dispatch = await athena.next();
    assert.deepEqual([dispatch.taskId, dispatch.input.text], [first.id, 'build 3']);
    const late = await ask('build 3', 'build', 3000, { dedupKey: 'b3' });
    assert.equal(late.id, first.id, 'also after its release');
    const next = await ask('build 4', 'build', 60_000, { dedupKey: 'b4' });
    assert.notEqual(next.id, first.id, 'what comes after the release is a task of its own');
    await athena.succeed(dispatch, 'built');
    await ada().untilState(first.id, 'completed');
  });

  it('are on record, and say until when they are held; never beyond ten windows from the first', async () => {
    const first = await ask('one', 'record', LONG);
    const before = await heldUntil(first.id);
    await ask('two', 'record', LONG);
    assert.ok((await heldUntil(first.id)) >= before);
    await ask('three', 'record', 20 * LONG);
    const { createdAt, history } = await show(first.id);
    assert.equal(await heldUntil(first.id), Date.parse(createdAt) + 10 * LONG);

    assert.deepEqual(
      history.map(({ who, event }) => `${who} ${event}`),
      ['person/ada admit', 'control queue', 'person/ada debounce', 'person/ada debounce'],
    );
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit');
    assert.match(body.records[0]?.why ?? '', /took the place of its text/);
  });

  it('stay apart by author, by agent and by key', async () => {
    const mine = await ask('mine', 'apart', LONG);
    const other = await ask('other', 'apart too', LONG);
    const request = requestOf('athena', 'of athena');
    const data = { ...request.data, debounce: { key: 'apart', windowMs: LONG } };
    await athena.bus.request(`${FLEET}.requests.athena.task-create`, JSON.stringify({ ...request, data }));

    await waitFor('a task of its own', async () => {
      const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=queued');
      return body.tasks.some(({ text }) => text === 'of athena');
    });
    assert.equal((await show(mine.id)).text, 'mine');
    assert.notEqual(other.id, mine.id);
  });

  it('have the most urgent priority of those put together', async () => {
    const first = await ask('one', 'urgent', LONG, { priority: 2 });
    await ask('two', 'urgent', LONG, { priority: 1 });
    await ask('three', 'urgent', LONG, { priority: 3 });

    const { text, priority } = await show(first.id);
    assert.deepEqual({ text, priority }, { text: 'three', priority: 1 });
  });

  it('stay apart when they come after other tasks', async () => {
    const needed = await ask('needed', 'needed', LONG);
    const first = await ask('one', 'after', LONG);
    const later = await ask('two', 'after', LONG, { after: [needed.id] });
    assert.notEqual(later.id, first.id);
    assert.equal((await ask('three', 'after', LONG, { after: [needed.id] })).id, later.id);
    assert.equal((await ask('four', 'after', LONG)).id, first.id, 'each has a task of its own');
    assert.deepEqual(
      (await show(later.id)).after?.map(({ id }) => id),
      [needed.id],
    );
  });

  it('survive a control plane that is killed', async () => {
    const first = await ask('before', 'kill', LONG, { dedupKey: 'k1' });
    await ask('after', 'kill', LONG, { dedupKey: 'k2' });
    await control.kill();
    await control.start();

    assert.equal((await ask('after', 'kill', LONG, { dedupKey: 'k2' })).id, first.id);
    assert.equal((await ask('third', 'kill', LONG, { dedupKey: 'k3' })).id, first.id);
    const { text, history } = await show(first.id);
    assert.equal(text, 'third');
    assert.equal(history.filter(({ event }) => event === 'debounce').length, 2);
  });

  it('are refused with a sentence when they are to wait for too long', async () => {
    const wanted = { agent: 'athena', text: 'x', by: 'ada', debounce: { key: 'k', windowMs: 3_600_001 } };
    const { status, body } = await control.api<{ message: string }>('POST', '/v1/tasks', wanted);
    assert.equal(status, 400);
    assert.match(body.message, /at most an hour/);
    const settings = { OLYMPUS_API_URL: control.url, OLYMPUS_API_TOKEN: control.token };
    const cli = new CliCaller(control.stateDir);
    const long = await cli.run(
      ['task', 'create', 'athena', 'x', '--debounce', 'k', '--window', '3601'],
      settings,
    );
    assert.equal(long.code, 2);
    const asked = ['task', 'create', 'athena', 'from the shell', '--debounce', 'k', '--window', '60'];
    const one = await cli.run(asked, settings);
    const two = await cli.run(asked, settings);
    assert.equal(one.code, 0, one.stderr);
    assert.equal(two.stdout, one.stdout);
  });
});

import assert from 'node:assert/strict';
import type { DeadLetterSummary, TaskDetail, TaskView } from '#core/api.ts';
import { KnightResult } from '#core/messages/knight-result.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { streamNames } from '#core/streams.ts';
import { noUsage } from '#core/usage.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const TASK = 'knight.athena.task';

describe('the older subject knight.<name>.task', () => {
  let control: ControlOnBus;
  let athena: BusClient;
  let knight: BusClient;
  const results: KnightResult['data'][] = [];
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await control.connect('athena');
    knight = await control.connect('knight');
    knight.connection.subscribe('knight.*.result', {
      callback: (_error, message) => void results.push(KnightResult.schema.parse(message.json()).data),
    });
    await knight.connection.flush();
    const heartbeat = heartbeatOf('athena', { concurrency: 16 });
    await athena.request(`${FLEET}.heartbeat.athena`, JSON.stringify(heartbeat));
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
  });
  after(async () => {
    await knight?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  async function tasksOf(text: string): Promise<TaskView[]> {
    const { tasks } = (await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?limit=500')).body;
    return tasks.filter((task) => task.text === text);
  }
  function oneTask(text: string): Promise<TaskView> {
    return waitFor(`a task that says "${text}"`, async () => (await tasksOf(text))[0]);
  }

  const FORMS: readonly [form: string, body: string, text: string][] = [
    ['plain text', 'brief me', 'brief me'],
    ['a JSON string', '"as a string"', 'as a string'],
    ['an object with text', '{"text": "as an object", "priority": 1}', 'as an object'],
    ['an object with task', '{"task": "as a task", "from": "tim"}', 'as a task'],
    ['text that is a number in JSON', '42', '42'],
    ['a CloudEvent', JSON.stringify(requestOf('apollo', 'as an event')), 'as an event'],
  ];
  for (const [form, body, text] of FORMS) {
    it(`takes ${form}, for the agent of the subject`, async () => {
      await knight.request(TASK, body);
      const task = await oneTask(text);

      assert.equal(task.agent, 'athena');
      assert.equal(task.requester, 'knight');
      const { history } = (await control.api<TaskDetail>('GET', `/v1/tasks/${task.id}`)).body;
      assert.equal(history[0]?.who, 'person/knight');
    });
  }

  it('makes one task of one message id, and two of two messages without', async () => {
    const headers = { 'Nats-Msg-Id': 'briefing-1' };
    await knight.publishRaw(TASK, 'by id', { headers });
    await oneTask('by id');
    for (const text of ['by id', 'again', 'again']) {
      await knight.publishRaw(TASK, text, text === 'by id' ? { headers } : {});
    }
    await waitFor('both without an id', async () => (await tasksOf('again')).length === 2);
    assert.equal((await tasksOf('by id')).length, 1);
  });

  it('has the result copied to knight.<name>.result', async () => {
    await knight.publishRaw(TASK, 'and the answer?', { headers: { 'Nats-Msg-Id': 'q-1' } });
    const task = await oneTask('and the answer?');
    const dispatch = await waitFor('its dispatch', async () => {
      const message = await athena.pull(streamNames.tasks, 'athena');
      const { data } = TaskDispatch.schema.parse(message.json());
      return data.taskId === task.id ? data : undefined;
    });
    await athena.request(`${FLEET}.results.planning.athena.${task.id}`, JSON.stringify(answerTo(dispatch)));

    const result = await waitFor('its result', () => results.find(({ taskId }) => taskId === task.id));
    assert.deepEqual(result, {
      taskId: task.id,
      knight: 'athena',
      requestId: 'q-1',
      state: 'completed',
      text: 'it is 42',
    });
  });

  it('says there what was refused, and why', async () => {
    await knight.request('knight.zeus.task', 'are you there?');
    const refused = await waitFor('the refusal', () => results.find((each) => each.knight === 'zeus'));

    assert.equal(refused.state, 'rejected');
    assert.match(refused.text, /There is no agent called `@zeus` here/);
  });

  it('puts aside what is no request, with the reason', async () => {
    await knight.request(TASK, '{"subject": "no text in it"}');
    await knight.request('knight.ATHENA.task', 'in capitals');
    const letters = await waitFor('two letters', async () => {
      const { body } = await control.api<{ letters: DeadLetterSummary[] }>('GET', '/v1/dlq');
      return body.letters.length === 2 ? body.letters : undefined;
    });

    const reasons = letters.map(({ detail }) => detail).join();
    assert.match(reasons, /none of text, task and message/);
    assert.match(reasons, /the name in the subject is not one/);
  });

  it('does not tell it of tasks that came by another way', async () => {
    const told = results.length;
    const { body } = await control.api<TaskView>('POST', '/v1/tasks', {
      agent: 'zeus',
      text: 'by the API',
      by: 'ada',
    });
    assert.equal(body.state, 'rejected');
    await knight.request('knight.hera.task', 'after that');
    await waitFor('hers', () => results.some((each) => each.knight === 'hera'));

    assert.equal(results.length, told + 1);
  });
});

function answerTo({ taskId, runId, epoch, attempt }: TaskDispatch['data']): RunResult {
  const now = new Date().toISOString();
  const head = { id: `m-${runId}`, source: '/test', subject: `task/${taskId}/run/${runId}`, time: now };
  return RunResult.create(head, {
    taskId,
    runId,
    epoch,
    attempt,
    agent: 'athena',
    outcome: 'success',
    summary: 'it is 42',
    usage: noUsage,
    sessionKey: `olympus:task:${taskId}`,
    startedAt: now,
    finishedAt: now,
  });
}

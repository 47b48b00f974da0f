import assert from 'node:assert/strict';
import { jetstream } from '@nats-io/jetstream';
import type { TaskDetail, TaskView } from '#core/api.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { newId } from '#lib/id.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('what an agent tells of a run that does not get on', function () {
  this.timeout(60_000);
  let control: ControlOnBus;
  let athena: BusClient;
  before(async () => {
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await control.connect('athena');
    await athena.request(`${FLEET}.heartbeat.athena`, JSON.stringify(heartbeatOf('athena')));
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
    const request = JSON.stringify(requestOf('athena', 'find it'));
    await athena.request(`${FLEET}.requests.athena.task-create`, request);
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  it('stands in the history of its task, once, and leaves the task where it is', async () => {
    const task = await waitFor('the task to be released', released, { timeoutMs: 20_000 });
    const stuck = message(task, 'stuck', 'the same call of exec failed 4 times: it begins anew');
    const unstopped = message(task, 'unstopped', 'its gateway is being restarted');
    await using bus = await control.connect('control');
    for (const [event, id, body] of [
      ['stuck', 'first', stuck],
      ['stuck', 'the same again, as after a crash', stuck],
      ['unstopped', 'another', unstopped],
    ] as const) {
      const subject = `${FLEET}.runs.athena.${task.runs[0]?.id}.${event}`;
      await jetstream(bus.connection).publish(subject, body, { msgID: id });
    }

    const noted = await waitFor('both to be noted', async () => {
      const now = await show(task.id);
      return now.history.some(({ event }) => event === 'unstopped') && now;
    });
    assert.deepEqual(
      noted.history.slice(-2).map(({ who, event, state, reason }) => [who, event, state, reason]),
      [
        ['agent/athena', 'stuck', 'released', 'the same call of exec failed 4 times: it begins anew'],
        ['agent/athena', 'unstopped', 'released', 'its gateway is being restarted'],
      ],
    );
    assert.equal(noted.history.filter(({ event }) => event === 'stuck').length, 1);
  });

  async function released(): Promise<TaskDetail | undefined> {
    const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=released');
    const [first] = body.tasks;
    return first && show(first.id);
  }

  async function show(id: string): Promise<TaskDetail> {
    return (await control.api<TaskDetail>('GET', `/v1/tasks/${id}`)).body;
  }
});

function message(task: TaskDetail, event: string, detail: string): string {
  const run = task.runs[0];
  assert.ok(run);
  const at = new Date();
  const head = {
    id: newId(at.getTime()),
    source: '/test',
    subject: `run/${run.id}`,
    time: at.toISOString(),
  };
  const data = { taskId: task.id, runId: run.id, epoch: run.epoch, agent: 'athena', event, detail };
  return JSON.stringify(RunEventMessage.create(head, data));
}

import assert from 'node:assert/strict';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { DeadLetterSummary, TaskDetail, TaskView } from '#core/api.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { controlDurable, streamNames } from '#core/streams.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { requestOf } from '#test/messages.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('a run whose message is gone', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  let bus: BusClient;
  let manager: JetStreamManager;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_SWEEP_MS: '500' });
    athena = await PlayedAgent.join(control, FLEET, 'athena', { concurrency: 8 });
    bus = await control.connect('control');
    manager = await managerOf(bus);
  });
  after(async () => {
    await bus?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  it('is given up when its agent has ended the message, and released again when asked', async () => {
    const { task, subject } = await taken('ended', '+TERM no');

    await untilState(task.id, 'dead_lettered', []);

    const letter = (await letters()).find((each) => each.subject === subject);
    assert.equal(letter?.reason, 'vanished');
    assert.equal((await letters()).filter((each) => each.subject === subject).length, 1);
    const redriven = await control.api('POST', `/v1/dlq/${letter.id}/redrive`, { by: 'ada' });
    assert.equal(redriven.status, 200);
    const again = await untilState(task.id, 'released', []);
    assert.equal(again.runs.length, 2);
    await athena.succeed(await athena.next(), 'done after all');
    await untilState(task.id, 'completed', []);
  });

  it('is given up when the message was removed by hand', async () => {
    const { task, subject } = await released('removed');
    const message = await waitFor('its message', () =>
      manager.streams.getMessage(streamNames.tasks, { last_by_subj: subject }),
    );
    await manager.streams.deleteMessage(streamNames.tasks, message.seq);

    assert.match((await untilState(task.id, 'dead_lettered', [])).reason ?? '', /gone from the bus/);
  });

  it('is left alone while its agent names it', async () => {
    const kept = await taken('named', '+TERM no');
    const other = await taken('not named', '+TERM no');

    await untilState(other.task.id, 'dead_lettered', [kept.runId]);

    assert.equal((await detail(kept.task.id)).state, 'released');
    await untilState(kept.task.id, 'dead_lettered', []);
  });

  it('is left alone until its agent is heard of again', async () => {
    const { task } = await taken('ended in silence', '+TERM no');
    await rounds(6);

    assert.equal((await detail(task.id)).state, 'released');
    await untilState(task.id, 'dead_lettered', []);
  });

  it('is left alone while control has not read all that could tell of it', async () => {
    await manager.consumers.pause(streamNames.results, controlDurable, new Date(Date.now() + 3_600_000));
    const answered = await taken('answered, but not read', undefined);
    await athena.succeed(answered.dispatch, 'here it is');
    await athena.bus.request(answered.reply, '+ACK');
    const held = await taken('held back by it', '+TERM no');

    await rounds(6, () => athena.report({ concurrency: 8 }));

    assert.equal((await detail(answered.task.id)).state, 'released');
    assert.equal((await detail(held.task.id)).state, 'released');
    await manager.consumers.resume(streamNames.results, controlDurable);
    await untilState(answered.task.id, 'completed', []);
    await untilState(held.task.id, 'dead_lettered', []);
    assert.equal((await detail(answered.task.id)).state, 'completed');
  });

  async function released(text: string): Promise<{ task: TaskView; runId: string; subject: string }> {
    const request = JSON.stringify(requestOf('athena', text));
    await athena.bus.request(`${FLEET}.requests.athena.task-create`, request);
    const task = await waitFor('the task to be released', async () => {
      const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=released');
      return body.tasks.find((each) => each.text === text);
    });
    const runId = (await detail(task.id)).runs.at(-1)?.id ?? '';
    return { task, runId, subject: `${FLEET}.tasks.planning.athena.${runId}` };
  }

  /** Released and pulled by athena, who then says this of the message. */
  async function taken(text: string, says: string | undefined) {
    const run = await released(text);
    const message = await waitFor('its message', async () => {
      const next = await athena.bus.pull(streamNames.tasks, 'athena');
      return next.subject === run.subject && next;
    });
    const reply = message.reply ?? '';
    if (says) await athena.bus.request(reply, says);
    return { ...run, reply, dispatch: TaskDispatch.schema.parse(message.json()).data };
  }

  /** Waits for it while athena is heard of, at work on these runs. */
  function untilState(id: string, state: string, runs: string[]): Promise<TaskDetail> {
    return waitFor(
      `task ${id} to be ${state}`,
      async () => {
        await athena.report({ concurrency: 8, runs });
        const body = await detail(id);
        return body.state === state && body;
      },
      { timeoutMs: 20_000 },
    );
  }

  async function detail(id: string): Promise<TaskDetail> {
    return (await control.api<TaskDetail>('GET', `/v1/tasks/${id}`)).body;
  }

  async function letters(): Promise<DeadLetterSummary[]> {
    return (await control.api<{ letters: DeadLetterSummary[] }>('GET', '/v1/dlq')).body.letters;
  }

  /** Waits until the sweep has gone round so often; `meanwhile` is done again and again. */
  async function rounds(times: number, meanwhile?: () => Promise<void>): Promise<void> {
    let begun = 0;
    const asked = bus.connection.subscribe(`$JS.API.STREAM.INFO.${streamNames.tasks}`, {
      callback: () => {
        begun += 1;
      },
    });
    await waitFor(
      'the sweep to go round',
      async () => {
        await meanwhile?.();
        return begun >= times;
      },
      { timeoutMs: 20_000 },
    );
    asked.unsubscribe();
  }
});

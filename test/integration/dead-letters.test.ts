import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type {
  AgentView,
  AuditView,
  DeadLetterSummary,
  DeadLetterView,
  TaskDetail,
  TaskView,
} from '#core/api.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { streamNames } from '#core/streams.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { exhaust } from '#test/exhaust.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('what could not be handled', () => {
  let control: ControlOnBus;
  let athena: BusClient;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_SWEEP_MS: '500' });
    athena = await control.connect('athena');
    await athena.request(
      `${FLEET}.heartbeat.athena`,
      JSON.stringify(heartbeatOf('athena', { concurrency: 8 })),
    );
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const letters = async (): Promise<DeadLetterView[]> => {
    const { body } = await control.api<{ letters: DeadLetterSummary[] }>('GET', '/v1/dlq');
    const whole = body.letters.map(
      async ({ id }) => (await control.api<DeadLetterView>('GET', `/v1/dlq/${id}`)).body,
    );
    return Promise.all(whole);
  };
  const letterAbout = (subject: string): Promise<DeadLetterView> =>
    waitFor(`a letter about ${subject}`, async () =>
      (await letters()).find((each) => each.subject === subject),
    );
  const cli = (...args: string[]) =>
    new CliCaller(control.stateDir).run(args, {
      OLYMPUS_API_URL: control.url,
      OLYMPUS_API_TOKEN: control.token,
      USER: 'ada',
    });

  for (const [what, subject, body, reason] of [
    ['a request that is no message', 'requests.athena.task-create', 'hello', 'message_invalid'],
    [
      'a request of a type nobody knows',
      'requests.athena.task-create',
      '{"type":"io.olympus.new.v9"}',
      'unknown_type',
    ],
    ['a result that is no message', 'results.planning.athena.t1', '{}', 'message_invalid'],
    ['a run event that is no message', 'runs.athena.r1.claimed', '[]', 'message_invalid'],
    ['a heartbeat that is no message', 'heartbeat.athena', '\u0000', 'message_invalid'],
    [
      'a request with the name of another agent in its place',
      'heartbeat.athena',
      JSON.stringify(heartbeatOf('apollo')),
      'message_invalid',
    ],
  ] as const) {
    it(`keeps ${what}`, async () => {
      const before = await letters();
      await athena.request(`${FLEET}.${subject}`, body);

      const letter = await waitFor('a new letter', async () =>
        (await letters()).find((each) => !before.some(({ id }) => id === each.id)),
      );

      assert.equal(letter.subject, `${FLEET}.${subject}`);
      assert.equal(letter.reason, reason);
      assert.equal(Buffer.from(letter.body, 'base64').toString('utf8'), body);
    });
  }

  it('gives a task up that its agent takes again and again without an end, says so, and queues it again when asked', async function () {
    this.timeout(120_000);
    const { task, subject } = await releasedTask('again and again');
    await exhaust(athena, 'athena', subject);
    const letter = await letterAbout(subject);
    assert.equal(letter.reason, 'max_deliveries');
    const buried = await untilState(task.id, 'dead_lettered');
    assert.match(buried.reason ?? '', /delivered 10 times/);
    const shown = await cli('dlq', 'show', String(letter.id));
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /max_deliveries/);
    assert.match(shown.stdout, /again and again/, 'the body');

    const redriven = await cli('dlq', 'redrive', String(letter.id), '--why', 'it was the disk');
    assert.equal(redriven.code, 0, redriven.stderr);
    const { history } = await untilState(task.id, 'released');
    assert.ok(history.some(({ reason }) => reason === 'tried again: it was the disk'));
    const released = await waitFor('the new run', async () => {
      const next = await athena.pull(streamNames.tasks, 'athena');
      return next.subject.startsWith(`${FLEET}.tasks.`) && next;
    });
    await athena.request(released.reply ?? '', '+ACK');
    assert.equal(
      (await letters()).some(({ id }) => id === letter.id),
      false,
    );
    const again = await cli('dlq', 'redrive', String(letter.id));
    assert.equal(again.code, 1);
    assert.match(again.stderr, new RegExp(`There is no dead letter ${letter.id}`));
  });

  it('leaves a run alone that its agent says it is at work on, until it no longer says so', async function () {
    this.timeout(120_000);
    const { task, subject } = await releasedTask('long and quiet');
    const beat = (...runs: string[]) =>
      athena.request(
        `${FLEET}.heartbeat.athena`,
        JSON.stringify(heartbeatOf('athena', { concurrency: 8, runs })),
      );
    await beat(subject.split('.').at(-1) ?? '');
    await waitFor('the heartbeat to be read', async () => {
      const { body } = await control.api<AgentView>('GET', '/v1/agents/athena');
      return body.runs === 1;
    });
    await using bus = await control.connect('control');
    const manager = await managerOf(bus);
    const read = async () =>
      (await manager.consumers.info(streamNames.advisory, 'control')).delivered.stream_seq;
    const before = await read();
    await exhaust(athena, 'athena', subject);
    await waitFor('the advisory to be read', async () => (await read()) > before);

    assert.equal(
      (await letters()).some((each) => each.subject === subject),
      false,
    );
    assert.equal((await untilState(task.id, 'released')).state, 'released');
    await beat();
    await letterAbout(subject);
    await untilState(task.id, 'dead_lettered');
  });

  it('finds by the sweep what no advisory told', async function () {
    this.timeout(120_000);
    const { task, subject } = await releasedTask('unheard');
    await using bus = await control.connect('control');
    const manager = await managerOf(bus);
    await waitFor('the release on the bus', async () => {
      const { state } = await manager.streams.info(streamNames.tasks, { subjects_filter: subject });
      return state.subjects;
    });
    await control.kill();
    const advisories = async () => (await manager.streams.info(streamNames.advisory)).state.last_seq;
    const before = await advisories();
    await exhaust(athena, 'athena', subject);
    await waitFor('the advisory', async () => (await advisories()) > before);
    await manager.streams.purge(streamNames.advisory);
    await control.start();

    await letterAbout(subject);
    await untilState(task.id, 'dead_lettered');
  });

  it('sends a request again that it can read now', async () => {
    await athena.request(`${FLEET}.requests.athena.task-create`, 'not yet');
    const letter = await waitFor('the letter', async () =>
      (await letters()).find((each) => Buffer.from(each.body, 'base64').toString('utf8') === 'not yet'),
    );

    const { code, stderr } = await cli('dlq', 'redrive', String(letter.id));

    assert.equal(code, 0, stderr);
    const again = await waitFor('it to come back', async () =>
      (await letters()).find((each) => each.id > letter.id && each.body === letter.body),
    );
    assert.equal(again.subject, letter.subject);
    await untilOnRecord(`${letter.stream}/${letter.seq}`, [
      'control give-up: message_invalid: the body is not JSON',
      'person/ada redrive: was given up: message_invalid',
    ]);
  });

  it('takes a release back whose task is over, and has that on record once', async () => {
    const { task, subject } = await releasedTask('never begun');
    const runId = subject.split('.').at(-1) ?? '';
    await cli('task', 'cancel', task.id);
    const event = RunEventMessage.create(
      { id: runId, source: '/test', subject, time: new Date().toISOString() },
      { taskId: task.id, runId, epoch: 1, agent: 'athena', event: 'discarded' },
    );
    await athena.request(`${FLEET}.runs.athena.${runId}.discarded`, JSON.stringify(event));

    await untilOnRecord(runId, [
      `control take-back: task ${task.id} is cancelled in epoch 1; the run was of epoch 1`,
    ]);
  });

  it('lists them for people, newest first, and says when there is nothing', async () => {
    const listed = await cli('dlq', 'list');
    assert.equal(listed.code, 0, listed.stderr);
    const ids = listed.stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(' ')[0]));
    assert.ok(ids.length >= 6, listed.stdout);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => b - a),
    );
    const wrong = await cli('dlq', 'show', 'x');
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /whole number/);
  });

  async function releasedTask(text: string): Promise<{ task: TaskView; subject: string }> {
    const request = JSON.stringify(requestOf('athena', text));
    await athena.request(`${FLEET}.requests.athena.task-create`, request);
    const task = await waitFor('the task to be released', async () => {
      const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=released');
      return body.tasks.find((each) => each.text === text);
    });
    const { body } = await control.api<TaskDetail>('GET', `/v1/tasks/${task.id}`);
    return { task, subject: `${FLEET}.tasks.planning.athena.${body.runs.at(-1)?.id}` };
  }

  /** What is on record of a letter or a run, oldest first. */
  async function untilOnRecord(entityId: string, wanted: readonly string[]): Promise<void> {
    await waitFor(`${wanted.join(', ')} to be on record`, async () => {
      const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
      const found = body.records.filter((each) => each.entityId === entityId);
      return isDeepStrictEqual(
        found.map(({ who, what, why }) => `${who} ${what}: ${why}`).toReversed(),
        wanted,
      );
    });
  }

  function untilState(id: string, state: string): Promise<TaskDetail> {
    return waitFor(`task ${id} to be ${state}`, async () => {
      const { body } = await control.api<TaskDetail>('GET', `/v1/tasks/${id}`);
      return body.state === state && body;
    });
  }
});

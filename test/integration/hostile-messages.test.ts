import assert from 'node:assert/strict';
import { type DeadLetterSummary, TaskDetail, type TaskView } from '#core/api.ts';
import { parseMessage } from '#core/envelope.ts';
import { ApprovalRequest } from '#core/messages/approval-request.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { Heartbeat } from '#core/messages/heartbeat.ts';
import { QuestionRequest } from '#core/messages/question-request.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { INPUT_LIMIT, TaskCreate } from '#core/messages/task-create.ts';
import { streamNames } from '#core/streams.ts';
import { noUsage } from '#core/usage.ts';
import { newId } from '#lib/id.ts';
import { ACTION, approvalOf, delegationRequestOf, questionOf } from '#test/asking-messages.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { Random } from '#test/chaos/random.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { hostileBody } from '#test/hostile-messages.ts';
import { heartbeatOf, requestOf } from '#test/messages.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const SEED = 20_260_102;
const LONG = { timeoutMs: 30_000 };
/** Of what one author sends into one stream, the last fifty letters are kept. */
const UNREADABLE = 40;
/** OLYMPUS_FLOOD=100000 is the size that is recorded in docs/reference/benchmarks.md. */
const FLOOD = Number(process.env['OLYMPUS_FLOOD'] ?? 10_000);
/** Each of them becomes a letter: some hundred in a second, also on a slow machine. */
const FLOOD_MS = 180_000 * Math.max(1, FLOOD / 10_000);
/** How long control may keep somebody waiting who asks whether it is ready. */
const ANSWERS_WITHIN_MS = 5_000;

interface Released {
  readonly id: string;
  readonly runId: string;
}

describe('an agent that sends anything', () => {
  let control: ControlOnBus;
  let athena: BusClient;
  let mallory: BusClient;
  /** What she does not own. */
  let released: Released;

  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'mallory'], {
      OLYMPUS_REQUESTS_PER_MINUTE: '100000',
    });
    athena = await control.connect('athena');
    mallory = await control.connect('mallory');
    for (const [name, client] of [['athena', athena] as const, ['mallory', mallory] as const]) {
      await client.request(`${FLEET}.heartbeat.${name}`, JSON.stringify(heartbeatOf(name)));
      const known = async () => (await control.api('GET', `/v1/agents/${name}`)).status === 200;
      await waitFor(`${name} to be known`, known, LONG);
    }
    await athena.request(`${FLEET}.requests.athena.task-create`, JSON.stringify(requestOf('athena', 'hers')));
    released = await waitFor(
      'a run of athena',
      async () => {
        const { body } = await control.api<{ tasks: TaskView[] }>(
          'GET',
          '/v1/tasks?agent=athena&state=released',
        );
        const [task] = body.tasks;
        const [run] = task ? (await detailOf(task.id)).runs : [];
        return task && run && { id: task.id, runId: run.id };
      },
      LONG,
    );
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await mallory?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const detailOf = async (id: string): Promise<TaskDetail> =>
    TaskDetail.parse((await control.api('GET', `/v1/tasks/${id}`)).body);
  const letters = async (): Promise<DeadLetterSummary[]> =>
    (await control.api<{ letters: DeadLetterSummary[] }>('GET', '/v1/dlq?limit=500')).body.letters;
  const isReady = async (): Promise<boolean> =>
    (await fetch(`${control.url}/healthz`, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })).ok;
  const headOf = (subject: string) => ({
    id: newId(Date.now()),
    source: '/test',
    subject,
    time: new Date().toISOString(),
  });
  const resultOf = (agent: string, { id, runId }: Released, summary: string): RunResult =>
    RunResult.create(headOf(`task/${id}`), {
      taskId: id,
      runId,
      epoch: 1,
      attempt: 1,
      agent,
      outcome: 'success',
      summary,
      usage: noUsage,
      sessionKey: 'olympus:task:x',
      startedAt: new Date().toISOString(),
      finishedAt: new Date().toISOString(),
    });
  const eventOf = (agent: string, { id, runId }: Released): RunEventMessage =>
    RunEventMessage.create(headOf(`task/${id}`), { taskId: id, runId, epoch: 1, agent, event: 'started' });
  /** Control has handled all that was sent to it, but for what it looks at again later. */
  const untilRead = async (timeoutMs: number): Promise<void> => {
    await using client = await control.connect('control');
    const manager = await managerOf(client);
    await waitFor(
      'everything to be read',
      async () => {
        const streams = [
          streamNames.requests,
          streamNames.runlog,
          streamNames.results,
          streamNames.heartbeat,
        ];
        const infos = await Promise.all(streams.map((stream) => manager.consumers.info(stream, 'control')));
        return infos.every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0);
      },
      { timeoutMs, everyMs: 100 },
    );
  };

  it('finds what cannot be read in the dead letters, all of it, and nothing else has happened', async function () {
    this.timeout(120_000);
    const before = await detailOf(released.id);
    const random = new Random(SEED);
    const targets = [
      ['requests.mallory.task-create', TaskCreate, () => requestOf('mallory', 'fuzz'), streamNames.requests],
      ['requests.mallory.approval', ApprovalRequest, () => approvalOf(released), streamNames.requests],
      ['requests.mallory.question', QuestionRequest, () => questionOf(released), streamNames.requests],
      [
        'requests.mallory.delegation',
        DelegationRequest,
        () => delegationRequestOf(released),
        streamNames.requests,
      ],
      ['heartbeat.mallory', Heartbeat, () => heartbeatOf('mallory'), streamNames.heartbeat],
      ['runs.mallory.r1.started', RunEventMessage, () => eventOf('mallory', released), streamNames.runlog],
      [
        'results.planning.mallory.t1',
        RunResult,
        () => resultOf('mallory', released, 'hers is mine'),
        streamNames.results,
      ],
    ] as const;

    for (const [subject, definition, valid, stream] of targets) {
      for (let unreadable = 0; unreadable < UNREADABLE; ) {
        const body = hostileBody(random, valid());
        await mallory.request(`${FLEET}.${subject}`, body.toString('latin1'));
        const sent = new TextEncoder().encode(body.toString('latin1'));
        if (parseMessage(sent, [definition]).kind !== 'ok') unreadable += 1;
      }
      // Before the next one, whose letters may take the place of these.
      await untilRead(60_000);
      const count = (await letters()).filter(
        (each) => each.stream === stream && each.subject.startsWith(`${FLEET}.${subject}`),
      ).length;
      // Of heartbeats the last alone is kept for reading.
      const least = stream === streamNames.heartbeat ? 1 : UNREADABLE;
      assert.ok(count >= least, `${count} of ${least} letters about ${subject}`);
    }

    assert.ok(await isReady());
    assert.deepEqual(await detailOf(released.id), before);
  });

  it("cannot settle, move or end another agent's run", async () => {
    const before = await detailOf(released.id);

    for (const agent of ['mallory', 'athena']) {
      await mallory.request(
        `${FLEET}.runs.mallory.${released.runId}.started`,
        JSON.stringify(eventOf(agent, released)),
      );
      const result = JSON.stringify(resultOf(agent, released, 'hers is mine'));
      await mallory.request(`${FLEET}.results.planning.mallory.${released.id}`, result);
    }

    await untilRead(30_000);
    assert.deepEqual(await detailOf(released.id), before);
  });

  it('is told no, or its letter kept, for what is over a limit', async () => {
    const long = requestOf('mallory', 'x'.repeat(INPUT_LIMIT + 1));
    const overLimits = [
      [
        'requests.mallory.task-create',
        { ...long, data: { ...long.data, text: 'x', dedupKey: 'k'.repeat(513) } },
      ],
      [
        'requests.mallory.task-create',
        { ...long, data: { ...long.data, text: 'x', agent: 'a'.repeat(129) } },
      ],
      [
        'runs.mallory.r1.tool',
        {
          ...eventOf('mallory', released),
          data: { ...eventOf('mallory', released).data, detail: 'x'.repeat(1025) },
        },
      ],
      ['results.planning.mallory.t1', 'x'.repeat(1_000_000)],
      ['requests.mallory.approval', approvalOf(released, { summary: 'x'.repeat(1001) })],
      [
        'requests.mallory.approval',
        approvalOf(released, { action: { ...ACTION, params: { x: 'x'.repeat(128_001) } } }),
      ],
      ['requests.mallory.question', questionOf(released, { text: 'x'.repeat(4001) })],
    ] as const;

    await mallory.request(`${FLEET}.requests.mallory.task-create`, JSON.stringify(long));
    for (const [subject, body] of overLimits)
      await mallory.request(`${FLEET}.${subject}`, JSON.stringify(body));

    await untilRead(30_000);
    const { body } = await control.api<{ tasks: TaskView[] }>(
      'GET',
      '/v1/tasks?agent=mallory&state=rejected',
    );
    assert.ok(body.tasks.some(({ reason }) => reason === 'input_too_long'));
    const newest = (await letters()).slice(0, overLimits.length).map(({ subject }) => subject);
    assert.deepEqual(newest.toSorted(), overLimits.map(([subject]) => `${FLEET}.${subject}`).toSorted());
    assert.throws(
      () => mallory.connection.publish(`${FLEET}.heartbeat.mallory`, 'x'.repeat(1_048_577)),
      /max.*payload/i,
    );
  });

  it('settles a run once: its answer stands, whatever comes again', async () => {
    const subject = `${FLEET}.results.planning.athena.${released.id}`;
    await athena.request(subject, JSON.stringify(resultOf('athena', released, 'the answer')));
    const settled = await waitFor(
      'the task to be completed',
      async () => {
        const task = await detailOf(released.id);
        return task.state === 'completed' && task;
      },
      LONG,
    );

    await athena.request(subject, JSON.stringify(resultOf('athena', released, 'another answer')));
    await athena.request(
      `${FLEET}.runs.athena.${released.runId}.started`,
      JSON.stringify(eventOf('athena', released)),
    );

    await untilRead(30_000);
    assert.equal(settled.answer, 'the answer');
    assert.deepEqual(await detailOf(released.id), settled);
  });

  it(`does not keep control from its work with ${FLOOD} messages at once`, async function () {
    this.timeout(2 * FLOOD_MS);
    const subjects = ['requests.mallory.x', 'heartbeat.mallory', 'runs.mallory.r.x', 'results.x.mallory.t'];
    for (let index = 0; index < FLOOD; index++) {
      mallory.connection.publish(`${FLEET}.${subjects[index % subjects.length]}`, String(index % 10));
    }
    await mallory.connection.flush();
    const asked = requestOf('athena', 'in the flood');
    // As a daemon does, which asks again until it is told that it is stored.
    const ask = () => athena.request(`${FLEET}.requests.athena.task-create`, JSON.stringify(asked));
    await waitFor('the request of athena to be stored', ask, { timeoutMs: FLOOD_MS });

    const task = await waitFor(
      'the request of athena to be taken, by a control that is ready all the time',
      async () => {
        assert.ok(await isReady());
        const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?agent=athena&limit=5');
        return body.tasks.find(({ text }) => text === 'in the flood');
      },
      { timeoutMs: FLOOD_MS, everyMs: 250 },
    );

    assert.equal(task.agent, 'athena');
    await untilRead(FLOOD_MS);
    const { body } = await control.api<{ kind: string }>('GET', '/v1/audit/verify');
    assert.equal(body.kind, 'whole');
  });
});

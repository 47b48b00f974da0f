import assert from 'node:assert/strict';
import type { TaskDetail, WhyView } from '#core/api.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newId } from '#lib/id.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';

const FLEET = 'f1';

describe('what an agent has taken that is not heard of any more', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  before(async function () {
    this.timeout(120_000);
    const settings = { OLYMPUS_AGENT_LOST_MS: '5000', OLYMPUS_SWEEP_MS: '200' };
    control = await startControlOnBus(FLEET, ['athena'], settings);
    athena = await PlayedAgent.join(control, FLEET, 'athena', { concurrency: 2 });
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const operator = () => new Operator(control);
  async function create(text: string): Promise<string> {
    const { code, stdout, stderr } = await operator().cli('task', 'create', 'athena', text);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }
  async function begin(run: TaskDispatch['data']): Promise<void> {
    const { taskId, runId, epoch } = run;
    // Heard of just now: after a longer silence it would be lost before anybody saw it running.
    await athena.report({ concurrency: 2 });
    const head = {
      id: newId(Date.now()),
      source: '/test',
      subject: `run/${runId}`,
      time: new Date().toISOString(),
    };
    const message = RunEventMessage.create(head, { taskId, runId, epoch, agent: 'athena', event: 'started' });
    await athena.bus.request(`${FLEET}.runs.athena.${runId}.started`, JSON.stringify(message));
    await operator().untilState(taskId, 'running');
  }
  const untilLost = (id: string): Promise<TaskDetail> => operator().untilState(id, 'lost');

  it('is lost, says since when, and is found again when the agent comes back with it', async () => {
    const id = await create('dig a tunnel');
    const run = await athena.next();
    await begin(run);

    const lost = await untilLost(id);

    assert.match(lost.reason ?? '', /^athena has taken it up and was not heard of since \d{4}-/);
    const { body: why } = await control.api<WhyView>('GET', `/v1/tasks/${id}/why`);
    assert.deepEqual([why.owner, why.next], ['operator', 'olympus doctor']);
    await athena.report({ runs: [run.runId], concurrency: 2 });
    const found = await operator().untilState(id, 'running');
    assert.equal(found.runs.length, 1, 'nobody else was given it');
    await athena.succeed(run, 'dug');
    assert.equal((await operator().untilState(id, 'completed')).answer, 'dug');
  }).timeout(120_000);

  it('takes the result that comes after all', async () => {
    const id = await create('dig another');
    const run = await athena.next();
    await begin(run);
    await untilLost(id);

    await athena.succeed(run, 'dug as well');

    assert.equal((await operator().untilState(id, 'completed')).answer, 'dug as well');
  }).timeout(120_000);

  it('is not lost because the control plane was away, and is counted anew by the next one', async () => {
    const id = await create('dig a third');
    const run = await athena.next();
    await begin(run);
    await control.kill();
    await control.start();

    assert.equal((await operator().show(id)).state, 'running');
    await untilLost(id);
    await athena.succeed(run, 'done');
    await operator().untilState(id, 'completed');
  }).timeout(120_000);

  it('is left on the bus while it is not taken', async () => {
    const id = await create('wait for her');
    const other = await create('dig a fourth');
    const taken = await athena.next();
    await begin(taken);
    const waiting = taken.taskId === id ? other : id;

    await untilLost(taken.taskId);

    assert.equal((await operator().show(waiting)).state, 'released');
  }).timeout(120_000);
});

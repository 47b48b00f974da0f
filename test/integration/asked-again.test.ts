import assert from 'node:assert/strict';
import type { ApprovalView } from '#core/api-approvals.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { exhaust } from '#test/exhaust.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
/** As many as people are asked for one task at a time. */
const PENDING = 10;

describe('what is asked again', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  let ada: Operator;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'apollo'], { OLYMPUS_RETRY_SCALE: '0.01' });
    athena = await AskingAgent.join(control, FLEET, 'athena');
    ada = new Operator(control);
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const approvalsOf = async (id: string): Promise<ApprovalView[]> => {
    const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?limit=500');
    return body.approvals.filter(({ taskId }) => taskId === id);
  };
  const untilAsked = (id: string, count: number): Promise<ApprovalView[]> =>
    waitFor(`${count} to be decided for ${id}`, async () => {
      const pending = (await approvalsOf(id)).filter(({ state }) => state === 'pending');
      return pending.length === count && pending;
    });
  const approve = async ({ id, hash }: ApprovalView): Promise<void> => {
    const { status } = await control.api('POST', `/v1/approvals/${id}/approve`, { by: 'ada', hash });
    assert.equal(status, 200);
  };
  /** A run of a new task that is under way. */
  async function running(text: string): Promise<TaskDispatch['data']> {
    const { id } = await ada.create(text);
    const { data } = await athena.takeRun(id);
    await athena.tell(data, 'started');
    await ada.untilState(id, 'running');
    return data;
  }

  it('comes after the same as before, though it was refused', async () => {
    const first = await ada.create('first');
    const refused = await ada.create('second', { agent: 'apollo', after: [first.id] });
    assert.equal(refused.reason, 'unknown_agent');
    await using apollo = await AskingAgent.join(control, FLEET, 'apollo');

    const again = await ada.retry(refused.id);

    assert.equal(again.state, 'blocked');
    await athena.succeed((await athena.takeRun(first.id)).data, 'done');
    assert.equal((await apollo.takeRun(again.id)).data.input.text, 'second');
  });

  it('is not begun without what it was to come after, where that never was', async () => {
    // Whatever else is wrong with it.
    const refused = await ada.create('after nothing', { agent: 'nobody', after: ['t-9'] });
    assert.deepEqual([refused.state, refused.reason], ['rejected', 'unknown_dependency']);

    const { code, stderr } = await ada.cli('task', 'retry', refused.id);

    assert.equal(code, 1);
    assert.match(stderr, /was to come after a task that does not exist; create it anew/);
  });

  it('can be decided anew for a task that was given up and taken up again', async function () {
    this.timeout(120_000);
    const task = await ada.create('given up');
    const release = await waitFor('its run', async () => (await ada.show(task.id)).runs.at(-1)?.id);
    const run = { taskId: task.id, runId: release, epoch: 1 } as TaskDispatch['data'];
    await athena.askApproval(run, 'deploy');
    const [before] = await untilAsked(task.id, 1);
    await exhaust(athena.bus, 'athena', `${FLEET}.tasks.planning.athena.${release}`);
    await ada.untilState(task.id, 'dead_lettered');

    await ada.retry(task.id);
    const { data: next } = await athena.takeRun(task.id);
    await athena.askApproval(next, 'deploy');

    const [anew] = await untilAsked(task.id, 1);
    assert.ok(before && anew && anew.id !== before.id);
    const old = (await approvalsOf(task.id)).find(({ id }) => id === before.id);
    assert.equal(old?.state, 'withdrawn');
    await approve(anew);
    await waitFor(
      'the agent to hear it',
      async () => (await athena.hearDecision('deploy')).state === 'approved',
    );
  });

  for (const [order, parksFirst] of [
    ['before it is parked', false],
    ['after it was parked', true],
  ] as const) {
    it(`does not keep a run waiting that learns ${order} that people have too much to decide`, async () => {
      const first = await running(`too much, ${order}`);
      for (let n = 0; n < PENDING; n += 1) await athena.askApproval(first, `${order} ${n}`, { n });
      await untilAsked(first.taskId, PENDING);
      await athena.fail(first, 'model_overloaded');
      const { data: second } = await athena.takeRun(first.taskId);
      await athena.tell(second, 'started');
      const words = [
        () => athena.tell(second, 'parked'),
        () => athena.askApproval(second, `${order} one more`, { more: true }),
      ];
      for (const say of parksFirst ? words : words.reverse()) await say();

      assert.match((await athena.hearDecision(`${order} one more`)).why ?? '', /10 things to decide/);
      await ada.untilState(first.taskId, 'parked');
      for (const each of await untilAsked(first.taskId, PENDING)) await approve(each);
      assert.equal((await athena.takeRun(first.taskId)).data.resumeOf, second.runId);
    });
  }
});

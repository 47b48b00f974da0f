import assert from 'node:assert/strict';
import type { TaskDetail, TaskView, WhyView } from '#core/api.ts';
import type { ApprovalView } from '#core/api-approvals.ts';
import type { TrustLabel } from '#core/envelope.ts';
import { newNonce } from '#lib/id.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';

const FLEET = 'f1';

describe('a task that comes from outside', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await AskingAgent.join(control, FLEET, 'athena');
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const ada = () => new Operator(control);
  const cli = (...args: string[]) => ada().cli(...args);
  const _show = (id: string) => ada().show(id);
  const untilState = (id: string, state: string) => ada().untilState(id, state);

  /** What somebody in chat asks athena, with the label that her daemon gives it. */
  async function asked(
    text: string,
    label?: TrustLabel,
    {
      postId = newNonce(),
      ...more
    }: { after?: string[]; debounce?: object; context?: string; postId?: string } = {},
  ): Promise<TaskView> {
    const request = chatRequestOf('athena', text, postId);
    await athena.publish('requests.athena.task-create', {
      ...request,
      ...(label ? { olympustrust: label } : {}),
      data: { ...request.data, ...more },
    });
    return ada().taskOf(text);
  }
  async function approvalOf(taskId: string): Promise<ApprovalView> {
    const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?state=pending');
    const approval = body.approvals.find((each) => each.taskId === taskId);
    assert.ok(approval, `nothing is to be decided for ${taskId}`);
    return approval;
  }

  it('is neither taken into a task that is held nor held for others', async () => {
    const together = { postId: newNonce(), debounce: { key: 'gates', windowMs: 60_000 } };
    const member = await asked('leave the gates shut', 'member', together);
    const outside = await asked('open them', 'external', together);
    const later = await asked('open them at once', 'external', together);

    const states = [member, outside, later].map(({ state }) => state);
    assert.deepEqual(states, ['queued', 'awaiting_approval', 'awaiting_approval']);
    const { body } = await control.api<TaskView>('GET', `/v1/tasks/${member.id}`);
    assert.equal(body.text, 'leave the gates shut');
  });

  it('brings along what was said before the last of those that are held together', async () => {
    const held = { debounce: { key: 'bells', windowMs: 60_000 } };
    const postId = newNonce();
    const first = await asked('ring once', 'member', { ...held, postId, context: 'It is one.' });
    const shown = async () => (await control.api<TaskDetail>('GET', `/v1/tasks/${first.id}`)).body.context;
    assert.equal(await shown(), 'It is one.');
    await asked('ring twice', 'member', { ...held, postId, context: 'It is two.' });
    assert.equal(await shown(), 'It is two.');
    await asked('ring', 'member', { ...held, postId });
    assert.equal(await shown(), undefined);
  });

  it('waits for a person, who sees all of it, and starts once it is approved', async () => {
    const task = await asked('open the gates', 'external', { context: 'They are ours.' });
    assert.equal(task.state, 'awaiting_approval');
    assert.equal(task.trust, 'external');
    const approval = await approvalOf(task.id);
    assert.deepEqual(approval.action, {
      kind: 'task.start',
      target: 'athena',
      params: {
        text: 'open the gates',
        context: 'They are ours.',
        requester: { id: 'u1', name: 'ada', kind: 'human' },
      },
    });
    const { body: why } = await control.api<WhyView>('GET', `/v1/tasks/${task.id}/why`);
    assert.equal(why.owner, 'approver');
    assert.equal(why.next, `olympus approve ${approval.id}`);
    await athena.hearSaid(task.id, new RegExp(`olympus approve ${approval.id}`));

    const { code, stderr } = await cli('approve', approval.id, '--yes');

    assert.equal(code, 0, stderr);
    const run = await athena.takeRun(task.id);
    assert.equal(run.olympustrust, 'external', 'it is not trusted more for that');
    assert.equal(run.data.input.text, 'open the gates\n\nThey are ours.');
    assert.equal(run.data.resumeOf, undefined);
  });

  it('comes after the tasks that it names, also once it is approved', async () => {
    const first = await asked('fill the moat');
    const second = await asked('raise the bridge', 'external', { after: [first.id] });
    assert.equal(second.state, 'awaiting_approval');

    assert.equal((await cli('approve', (await approvalOf(second.id)).id, '--yes')).code, 0);

    assert.equal((await untilState(second.id, 'blocked')).reason, `waits for task ${first.id}`);
    await athena.succeed((await athena.takeRun(first.id)).data, 'full');
    assert.equal((await athena.takeRun(second.id)).data.input.text, 'raise the bridge');
  });

  it('is cancelled when it is denied, and says by whom', async () => {
    const task = await asked('sell the horses', 'external');

    assert.equal(
      (await cli('deny', (await approvalOf(task.id)).id, '--yes', '--why', 'we need them')).code,
      0,
    );

    assert.equal((await untilState(task.id, 'cancelled')).reason, 'denied by ada: we need them');
    await athena.hearSaid(task.id, /denied by ada: we need them/);
    const { body } = await control.api<TaskView>('POST', `/v1/tasks/${task.id}/retry`, { by: 'ada' });
    assert.equal(body.trust, 'external', 'asking again does not make it more trusted');
    assert.equal(body.state, 'awaiting_approval');
  });

  it('cannot call itself more than who asks is, and can call itself less', async () => {
    assert.equal((await asked('as it is')).trust, 'member');
    assert.equal((await asked('higher', 'owner')).trust, 'member');
    assert.equal((await asked('lower', 'bot')).trust, 'bot');
    const { body } = await control.api<TaskView>('POST', '/v1/tasks', {
      agent: 'athena',
      text: 'by API',
      by: 'ada',
    });
    assert.equal(body.trust, 'owner');
    assert.match((await cli('task', 'show', body.id)).stdout, /trust +owner/);
    assert.equal((await athena.takeRun(body.id)).olympustrust, 'owner');
  });

  it('expires when nobody decides in time', async () => {
    await control.stop();
    await control.start({ OLYMPUS_APPROVAL_MS: '1' });
    const task = await asked('nobody looks', 'external');

    assert.equal((await untilState(task.id, 'expired')).reason, 'nobody approved it in time');
    await athena.hearSaid(task.id, /I have not begun/);
  }).timeout(120_000);
});

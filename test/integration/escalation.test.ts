import assert from 'node:assert/strict';
import path from 'node:path';
import type { MissionView, TaskDetail } from '#core/api.ts';
import type { TrustLabel } from '#core/envelope.ts';
import type { FailureCode } from '#core/failures.ts';
import type { Delivery } from '#core/messages/delivery.ts';
import { INPUT_LIMIT, TaskCreate } from '#core/messages/task-create.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newId } from '#lib/id.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const TRIED = 'the same call failed 3 times: it begins anew, in a new session';

describe('a task over which its agent was given up', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  let apollo: AskingAgent;
  let ada: Operator;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'apollo'], {
      OLYMPUS_WORKFLOWS_DIR: path.resolve(import.meta.dirname, '../../agents/workflows'),
    });
    ada = new Operator(control);
    athena = await AskingAgent.join(control, FLEET, 'athena', { role: 'lead', concurrency: 20 });
    const domains = ['security', 'comms', 'intel'];
    apollo = await AskingAgent.join(control, FLEET, 'apollo', { domains, concurrency: 20 });
  });
  after(async () => {
    await apollo?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  /** Somebody asks apollo in a thread, and he has taken it up. */
  async function asked(
    text: string,
    {
      depth = 0,
      trust = 'member',
      context,
    }: { readonly depth?: number; readonly trust?: TrustLabel; readonly context?: string } = {},
  ): Promise<TaskDispatch['data']> {
    const id = newId(Date.now());
    const request = TaskCreate.create(
      {
        id,
        source: '/test',
        subject: `post/${id}`,
        time: new Date().toISOString(),
        olympusdepth: depth,
        olympustrust: trust,
      },
      {
        dedupKey: id,
        agent: 'apollo',
        text,
        ...(context ? { context } : {}),
        requester: { id: 'u1', name: 'ada', kind: 'human' },
        conversation: { id: `mm-${id}`, surface: 'mattermost', channelId: 'c1', rootId: id, postId: id },
      },
    );
    await apollo.publish('requests.apollo.task-create', request);
    if (trust === 'external') await approve();
    return apollo.next();
  }
  async function approve(): Promise<void> {
    const said = await apollo.hear(
      'that a person has to approve',
      (told): told is Delivery['data'] => 'text' in told && /comes from outside/.test(String(told.text)),
    );
    const [, id = ''] = /olympus approve ([\w-]+)/.exec(said.text ?? '') ?? [];
    const { code, stderr } = await ada.cli('approve', id, '--yes');
    assert.equal(code, 0, stderr);
  }
  async function fails(run: TaskDispatch['data'], failure: FailureCode = 'stuck_loop'): Promise<TaskDetail> {
    await apollo.fail(run, failure);
    return ada.untilState(run.taskId, 'failed');
  }
  /** The task of the lead that came of one that has failed. */
  async function childOf({ id, children = [] }: TaskDetail): Promise<TaskDetail> {
    const [child, ...more] = children;
    assert.ok(child, `nothing came of ${id}`);
    assert.deepEqual(more, []);
    return ada.show(child.id);
  }
  const hears = (taskId: string, state: Delivery['data']['state']): Promise<Delivery['data']> =>
    apollo.hear(
      `that ${taskId} is ${state}`,
      (told): told is Delivery['data'] =>
        'taskId' in told && told.taskId === taskId && 'state' in told && told.state === state,
    );

  it("is the lead's, who hears what was asked and tried, and answers in the same thread", async () => {
    const run = await asked('Mend the roof.\nIt rains.', { context: 'Said in the thread of the two.' });
    assert.match(run.input.text, /Said in the thread/);
    await apollo.tell(run, 'stuck', TRIED);
    await waitFor('that to be known', async () =>
      (await ada.show(run.taskId)).history.some(({ event }) => event === 'stuck'),
    );

    const failed = await fails(run);

    assert.equal(failed.reason, 'stuck_loop');
    const child = await childOf(failed);
    assert.deepEqual(
      [child.agent, child.parent, child.trust, child.requester],
      ['athena', failed.id, 'member', 'ada'],
    );
    const told = await hears(failed.id, 'queued');
    assert.match(told.text ?? '', /I have asked athena, who leads us, to find another way; .* told here/);
    assert.doesNotMatch(told.text ?? '', /@/, 'a mention would ask her once more');
    const { data, olympusdepth, olympustrust } = await athena.takeRun(child.id);
    assert.deepEqual([olympusdepth, olympustrust], [1, 'member']);
    assert.equal(data.conversation, undefined, 'she may not be let in there');
    assert.match(data.input.text, /^apollo went round in circles over what ada asked/);
    assert.match(data.input.text, /What was asked:\n> Mend the roof\.\n> It rains\.\n\nWhat was seen/);
    assert.doesNotMatch(data.input.text, /Said in the thread/, 'nor may she be in there');
    assert.match(data.input.text, /attempts:\n> the same call failed 3 times: it begins anew.*\n> played$/);

    await athena.succeed(data, 'The roof needs a carpenter.');

    const answer = await hears(child.id, 'completed');
    assert.equal(answer.text, '**athena:**\n\nThe roof needs a carpenter.');
    assert.equal(answer.conversation.id, told.conversation.id);
    assert.equal(answer.depth, 1);
  });

  it('is told as a failure when the lead does not get on either, and goes no further', async () => {
    const child = await childOf(await fails(await asked('Square the circle.')));
    await athena.fail((await athena.takeRun(child.id)).data, 'stuck_loop');

    const failed = await ada.untilState(child.id, 'failed');

    assert.equal(failed.children, undefined);
    const { text = '' } = await hears(child.id, 'failed');
    assert.match(text, /^\*\*athena:\*\*\n\nI could not finish this: I went round in circles/);
  });

  it('fits into what a task may hold, however much was asked', async () => {
    const child = await childOf(await fails(await asked('a\n'.repeat(INPUT_LIMIT / 2))));

    const text = (await athena.takeRun(child.id)).data.input.text;

    assert.ok(text.length <= INPUT_LIMIT && text.length > INPUT_LIMIT - 200, `${text.length}`);
    assert.match(text, /> … \(cut here\)\n\nWhat was seen/);
  });

  it('is shown with what came of it where there is no conversation', async () => {
    const { id } = await ada.create('count the sand', { agent: 'apollo' });
    const child = await childOf(await fails((await apollo.takeRun(id)).data));

    assert.equal(child.trust, 'owner');
    const { stdout } = await ada.cli('task', 'show', id);
    assert.match(stdout, new RegExp(`child +${child.id}.*athena`));
    assert.match((await ada.cli('task', 'why', id)).stdout, /whether the lead was asked/);
  });

  it('waits for a person once more when it came from outside', async () => {
    const child = await childOf(await fails(await asked('Open the gates.', { trust: 'external' })));

    assert.equal(child.trust, 'external');
    assert.equal(child.state, 'awaiting_approval');
  });

  it("is the person's at once when it failed otherwise, when it is too far from them, and as a step", async () => {
    const otherwise = await fails(await asked('Ask a dead server.'), 'model_auth');
    const deep = await fails(await asked('Too many hands.', { depth: 3 }));
    for (const { id, children } of [otherwise, deep]) {
      assert.equal(children, undefined);
      assert.match((await hears(id, 'failed')).text ?? '', /^I could not finish this/);
    }
    const { status, body } = await control.api<MissionView>('POST', '/v1/workflows/briefing/start', {
      by: 'ada',
    });
    assert.equal(status, 201);
    for (const _step of body.children) {
      assert.equal((await fails(await apollo.next())).children, undefined);
    }
    assert.match((await athena.takeRun(body.task.id)).data.input.text, /0 of the 3/);
  });

  it("is the person's at once while the lead takes no work", async () => {
    assert.equal((await ada.cli('agent', 'drain', 'athena', '--why', 'a new kernel')).code, 0);

    const failed = await fails(await asked('Nobody leads.'));

    assert.equal(failed.children, undefined);
    assert.match((await hears(failed.id, 'failed')).text ?? '', /^I could not finish this/);
  });
});

import assert from 'node:assert/strict';
import path from 'node:path';
import type { AuditView, TaskView } from '#core/api.ts';
import type { ApprovalView } from '#core/api-approvals.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { TaskRevise } from '#core/messages/task-revise.ts';
import { newId, newNonce } from '#lib/id.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const WORKFLOWS = path.resolve(import.meta.dirname, '../../agents/workflows');

describe('a message that is changed after somebody asked by it', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  let apollo: AskingAgent;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'apollo'], { OLYMPUS_WORKFLOWS_DIR: WORKFLOWS });
    athena = await AskingAgent.join(control, FLEET, 'athena', { concurrency: 1, role: 'lead' });
    // The steps of a workflow are for others than its lead.
    const domains = ['security', 'comms', 'intel'];
    apollo = await AskingAgent.join(control, FLEET, 'apollo', { concurrency: 20, domains });
  });
  after(async () => {
    await apollo?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });
  const operator = () => new Operator(control);
  let begun: TaskDispatch['data'][] = [];
  afterEach(async () => {
    for (const run of begun) await athena.fail(run, 'cancelled');
    begun = [];
  });

  async function asked(
    text: string,
    { context, ...more }: { context?: string; olympustrust?: string } = {},
    of = athena,
  ): Promise<{ id: string; dedupKey: string }> {
    const { data, ...head } = chatRequestOf(of.name, text);
    const request = { ...head, ...more, data: { ...data, ...(context ? { context } : {}) } };
    await of.publish(`requests.${of.name}.task-create`, request);
    return { id: (await operator().taskOf(text)).id, dedupKey: request.data.dedupKey };
  }
  /** A task that holds athena's only place, so that what is asked after it waits. */
  async function running(text: string): Promise<{ id: string; dedupKey: string; run: TaskDispatch['data'] }> {
    const task = await asked(text);
    const { data: run } = await athena.takeRun(task.id);
    await athena.tell(run, 'started');
    await operator().untilState(task.id, 'running');
    begun.push(run);
    return { ...task, run };
  }
  async function revise(dedupKey: string, text: string | undefined, through = athena): Promise<void> {
    const now = Date.now();
    const head = { id: newId(now), source: '/test', subject: 'post/p', time: new Date(now).toISOString() };
    const data = text === undefined ? { dedupKey } : { dedupKey, text };
    await through.publish(`requests.${through.name}.task-revise`, TaskRevise.create(head, data));
  }
  const unique = (text: string): string => `${text} ${newNonce()}`;
  const changesOf = async (id: string): Promise<string[]> => {
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    return body.records
      .filter(({ entityId, what }) => entityId === id && what === 'revise')
      .map(({ who }) => who);
  };

  it('is done as it says now, while it waits; said again, that is no other change', async () => {
    const first = await running(unique('hold the place'));
    const task = await asked(unique('paint it red'), { context: 'It was green.' });
    const blue = unique('paint it blue');
    await revise(task.dedupKey, blue);
    await revise(task.dedupKey, blue);

    await operator().taskOf(blue);
    await operator().cancel(first.id);
    await athena.fail(first.run, 'cancelled');
    const { data: run } = await athena.takeRun(task.id);
    begun.push(run);

    assert.equal(run.input.text, `${blue}\n\nIt was green.`, 'with what was said before it was asked');
    assert.deepEqual(await changesOf(task.id), ['person/ada']);
    assert.equal((await operator().cli('audit', 'verify')).code, 0);
    await operator().cancel(task.id);
  });

  it('is too late once an agent has it, which says so, and goes on', async () => {
    const text = unique('climb the hill');
    const task = await running(text);

    await revise(task.dedupKey, unique('climb the other hill'));

    const said = await athena.hearSaid(task.id, /^You changed your message too late/);
    assert.equal(said.state, 'admitted', 'it shows nothing else than before');
    const now = await operator().show(task.id);
    assert.deepEqual([now.state, now.text], ['running', text]);
    await operator().cancel(task.id);
  });

  it('ends what it asked for when it is deleted, or says nothing any more: at once, or at its agent', async () => {
    const first = await running(unique('go on for ever'));
    const [deleted, empty] = [await asked(unique('fetch water')), await asked(unique('carry wood'))];
    await revise(deleted.dedupKey, undefined);
    await revise(empty.dedupKey, ' \n');

    for (const { id } of [deleted, empty]) {
      const { reason } = await operator().untilState(id, 'cancelled');
      assert.equal(reason, 'cancelled by chat: the message that asked for it is gone');
    }
    await revise(first.dedupKey, undefined);
    await operator().untilState(first.id, 'cancelling');
    await athena.fail(first.run, 'cancelled');
    await operator().untilState(first.id, 'cancelled');
  });

  it('is too late once a run was tried, and once a person has approved what it said', async () => {
    const text = unique('try hard');
    const tried = await running(text);
    // Its wait may be next to nothing, and a run of its that is out again would hold athena's only place.
    assert.equal((await operator().cli('agent', 'drain', 'athena', '--why', 'a new kernel')).code, 0);
    await athena.fail(tried.run, 'model_overloaded');
    await operator().untilState(tried.id, 'queued');
    await revise(tried.dedupKey, unique('try something else'));
    await athena.hearSaid(tried.id, /^You changed your message too late/);
    assert.equal((await operator().show(tried.id)).text, text);
    await operator().cancel(tried.id);
    assert.equal((await operator().cli('agent', 'resume', 'athena')).code, 0);

    const first = await running(unique('be in the way'));
    const harmless = unique('a harmless thing');
    const outside = await asked(harmless, { olympustrust: 'external' });
    await operator().untilState(outside.id, 'awaiting_approval');
    const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?state=pending');
    const approval = body.approvals.find(({ taskId }) => taskId === outside.id);
    const { code, stderr } = await operator().cli('approve', String(approval?.id), '--yes');
    assert.equal(code, 0, stderr);
    await operator().untilState(outside.id, 'queued');
    await revise(outside.dedupKey, unique('rm -rf everything'));
    await athena.hearSaid(outside.id, /^You changed your message too late/);
    assert.equal((await operator().show(outside.id)).text, harmless);
    for (const { id } of [outside, first]) await operator().cancel(id);
  });

  it('leaves the lead of a workflow the words of that', async () => {
    const request = chatRequestOf('athena', 'briefing');
    await athena.publish('requests.athena.task-create', request);
    const lead = await waitFor('the lead of the briefing', async () => {
      const { body: all } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=blocked');
      return all.tasks[0];
    });

    await revise(request.data.dedupKey, 'briefing please');
    await asked(unique('what comes after shows that it was taken'), {}, apollo);

    assert.equal((await operator().show(lead.id)).text, lead.text);
    assert.notEqual(lead.text, 'briefing');
    await operator().cancel(lead.id);
  });

  it('waits for its request, which may be read after it', async () => {
    const text = unique('here and gone');
    const request = chatRequestOf('apollo', text);
    await revise(request.data.dedupKey, undefined, apollo);
    await apollo.publish('requests.apollo.task-create', request);

    const { id } = await operator().taskOf(text);
    const { reason } = await waitFor(
      'it to be ended',
      async () => {
        const task = await operator().show(id);
        return /^cancel/.test(task.state) && task;
      },
      { timeoutMs: 20_000 },
    );
    assert.match(reason ?? '', /the message that asked for it is gone/);
  });

  it('is nothing to what is over, what never was, and what somebody else was asked', async () => {
    const first = await running(unique('keep watch'));
    const text = unique('sweep the yard');
    const task = await asked(text);
    await revise(task.dedupKey, 'mine now', apollo);
    await revise(task.dedupKey, undefined, apollo);
    await revise('mm:nowhere:nothing:athena', undefined);
    await operator().cancel(first.id);
    await athena.fail(first.run, 'cancelled');
    await operator().untilState(first.id, 'cancelled');
    await revise(first.dedupKey, unique('keep watch again'));
    // What comes after it shows that all of it was taken.
    await revise(task.dedupKey, unique('sweep the other yard'));
    await operator().cancel(task.id);

    const { state, reason } = await operator().show(first.id);
    assert.equal(state, 'cancelled');
    assert.doesNotMatch(reason ?? '', /gone/);
    assert.ok((await changesOf(task.id)).every((who) => who === 'person/ada'));
  });
});

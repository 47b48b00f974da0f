import assert from 'node:assert/strict';
import { actionHash } from '#core/action.ts';
import type { AuditView, TaskView } from '#core/api.ts';
import { ApprovalView } from '#core/api-approvals.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newNonce } from '#lib/id.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('what people decide for a run', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  let apollo: AskingAgent;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'apollo']);
    athena = await AskingAgent.join(control, FLEET, 'athena');
    apollo = await AskingAgent.join(control, FLEET, 'apollo');
  });
  after(async () => {
    await apollo?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const ada = () => new Operator(control);
  const cli = (...args: string[]) => ada().cli(...args);
  const show = (id: string) => ada().show(id);
  const why = (id: string) => ada().why(id);
  const untilState = (id: string, state: string) => ada().untilState(id, state);
  const all = async (): Promise<ApprovalView[]> =>
    (await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?limit=500')).body.approvals;
  const ofTask = async (id: string): Promise<ApprovalView[]> =>
    (await all()).filter(({ taskId }) => taskId === id);
  const pendingOf = (id: string): Promise<ApprovalView> =>
    waitFor(`something to decide for ${id}`, async () =>
      (await ofTask(id)).find(({ state }) => state === 'pending'),
    );
  const decide = (approval: ApprovalView, verb: string, more: object = {}) =>
    control.api<ApprovalView & { code: string; message: string }>(
      'POST',
      `/v1/approvals/${approval.id}/${verb}`,
      {
        by: 'ada',
        ...(verb === 'approve' ? { hash: approval.hash } : {}),
        ...more,
      },
    );

  /** A run of a new task that is under way. */
  async function running(text: string): Promise<TaskDispatch['data']> {
    const data = await released(text);
    await athena.tell(data, 'started');
    await untilState(data.taskId, 'running');
    return data;
  }
  async function released(text: string): Promise<TaskDispatch['data']> {
    const { body } = await control.api<TaskView>('POST', '/v1/tasks', { agent: 'athena', text, by: 'ada' });
    return (await athena.takeRun(body.id)).data;
  }

  it('is shown whole, asked for once however often it comes, and told to the agent', async () => {
    const run = await running('deploy it');
    const params = { version: '2.4.1', flags: ['b', 'a'] };
    const key = newNonce();
    await athena.askApproval(run, key, params);
    await athena.askApproval(run, key, { flags: ['b', 'a'], version: '2.4.1' });

    const { id } = await pendingOf(run.taskId);
    const approval = ApprovalView.parse((await control.api('GET', `/v1/approvals/${id}`)).body);

    const action = { kind: 'deploy.production', target: 'web-1', params };
    assert.deepEqual(approval.action, action);
    assert.equal(approval.hash, await actionHash(action));
    assert.equal(approval.askedBy, 'athena');
    const waits = await why(run.taskId);
    assert.equal(waits.owner, 'approver');
    assert.equal(waits.next, `olympus approve ${approval.id}`);

    const unseen = await cli('approve', approval.id.slice(0, 18));
    assert.equal(unseen.code, 2, 'nobody could be asked');
    assert.match(unseen.stdout, /deploy\.production[\s\S]*web-1[\s\S]*2\.4\.1/);
    const aside = await cli('approve', approval.id, '--json');
    assert.equal(aside.stdout, '', 'no answer yet');
    assert.match(aside.stderr, /deploy\.production[\s\S]*web-1[\s\S]*2\.4\.1/);
    const listed = await cli('approve');
    assert.match(listed.stdout, /deploy\.production +athena/);
    const status = await cli('status');
    assert.match(status.stdout, /1 decision waits for people: olympus approve lists/);
    const { code, stderr } = await cli(
      'approve',
      approval.id.slice(0, 18),
      '--yes',
      '--why',
      'tried on web-2',
    );
    assert.equal(code, 0, stderr);

    const told = await athena.hearDecision(key);
    assert.deepEqual(
      { state: told.state, hash: told.hash, by: told.by, why: told.why },
      { state: 'approved', hash: approval.hash, by: 'ada', why: 'tried on web-2' },
    );
    assert.equal((await ofTask(run.taskId)).length, 1);
    assert.equal((await why(run.taskId)).owner, 'agent');
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    const changes = body.records
      .filter(({ entityId }) => entityId === approval.id)
      .map(({ who, what, state }) => [who, what, state]);
    assert.deepEqual(changes, [
      ['person/ada', 'approve', 'approved'],
      ['agent/athena', 'ask', 'pending'],
    ]);
    assert.equal((await cli('audit', 'verify')).code, 0);
  });

  it('is decided by the first who does; later ones are told who that was', async () => {
    const run = await running('decide once');
    const key = newNonce();
    await athena.askApproval(run, key);
    const approval = await pendingOf(run.taskId);

    const other = await decide(approval, 'approve', { hash: '0'.repeat(64) });
    assert.equal(other.status, 409);
    assert.match(other.body.message, /hash/);
    assert.equal((await decide(approval, 'answer', { answer: 'yes' })).status, 409);
    const both = await Promise.all([
      decide(approval, 'deny', { by: 'ada', why: 'not today' }),
      decide(approval, 'approve', { by: 'grace' }),
    ]);

    assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 409]);
    const [won] = both.filter(({ status }) => status === 200);
    const [lost] = both.filter(({ status }) => status === 409);
    assert.match(lost?.body.message ?? '', new RegExp(`it was ${won?.body.state} by ${won?.body.decidedBy}`));
    assert.equal((await athena.hearDecision(key)).state, won?.body.state);
  });

  it('is refused, in words, for a changed action, another epoch, and a run of somebody else', async () => {
    const run = await running('refuse me');
    const key = newNonce();
    await athena.askApproval(run, key, { version: 1 });
    const approval = await pendingOf(run.taskId);

    await athena.askApproval(run, key, { version: 2 });
    assert.match((await athena.hearDecision(key)).why ?? '', /stands for something else/);
    await athena.askApproval({ ...run, epoch: run.epoch + 1 }, 'stale');
    assert.match((await athena.hearDecision('stale')).why ?? '', /not the one under way/);
    await apollo.askApproval(run, 'foreign');
    const foreign = await apollo.hearDecision('foreign');

    assert.equal(foreign.state, 'refused');
    assert.match(foreign.why ?? '', /never released to you/);
    const [only, ...others] = await ofTask(run.taskId);
    assert.equal(others.length, 0);
    assert.equal(only?.hash, approval.hash);
    assert.equal(only?.state, 'pending');
    await athena.askApproval(run, newNonce(), { version: 2 });
    const changed = await waitFor('the other approval', async () =>
      (await ofTask(run.taskId)).find(({ hash }) => hash !== approval.hash),
    );
    assert.equal((await decide(approval, 'approve')).status, 200);
    assert.equal(
      (await control.api<ApprovalView>('GET', `/v1/approvals/${changed.id}`)).body.state,
      'pending',
    );
  });

  it('parks the run, and resumes it once in the same session, also over a crash of control', async () => {
    const run = await running('park me');
    const key = newNonce();
    await athena.askApproval(run, key);
    const approval = await pendingOf(run.taskId);
    await athena.tell(run, 'parked');
    const parked = await untilState(run.taskId, 'parked');
    assert.equal(parked.runs.at(-1)?.state, 'parked');
    assert.equal((await why(run.taskId)).next, `olympus approve ${approval.id}`);
    await control.kill();
    await control.start();

    assert.equal((await decide(approval, 'approve', { why: 'go' })).status, 200);
    await control.kill();
    await control.start();

    const resumed = await athena.takeRun(run.taskId);
    assert.equal(resumed.data.resumeOf, run.runId);
    assert.equal(resumed.data.session.key, run.session.key);
    assert.equal(resumed.data.epoch, run.epoch + 1);
    assert.match(resumed.data.input.text, /Approved by ada: deploy\.production on web-1, because: go/);
    assert.match(resumed.data.input.text, /park me/);
    assert.equal((await athena.hearDecision(key)).state, 'approved');
    await athena.tell(run, 'parked');
    await athena.tell(resumed.data, 'started');
    const again = await untilState(run.taskId, 'running');
    assert.equal(again.runs.length, 2, 'a late word of the old run changes nothing');
  }).timeout(120_000);

  it('comes out the same in whatever order the words of the agent arrive', async () => {
    const early = await running('parked overtakes');
    await athena.tell(early, 'parked');
    await untilState(early.taskId, 'parked');
    assert.equal((await why(early.taskId)).owner, 'control');
    await athena.askApproval(early, newNonce());
    await decide(await pendingOf(early.taskId), 'deny', { why: 'no' });
    assert.match((await athena.takeRun(early.taskId)).data.input.text, /Denied by ada: .*, because: no\./);

    const late = await running('the decision overtakes');
    await athena.askApproval(late, newNonce());
    await decide(await pendingOf(late.taskId), 'approve');
    await athena.tell(late, 'parked');
    assert.equal((await athena.takeRun(late.taskId)).data.resumeOf, late.runId);
    const unbegun = await released('the end overtakes the beginning');
    await athena.askApproval(unbegun, newNonce());
    await athena.tell(unbegun, 'parked');
    await athena.tell(unbegun, 'started');
    await decide(await pendingOf(unbegun.taskId), 'approve');
    assert.equal((await athena.takeRun(unbegun.taskId)).data.resumeOf, unbegun.runId);
  });

  it('waits for everything that was asked before the run goes on', async () => {
    const run = await running('two things');
    await athena.askApproval(run, newNonce(), { n: 1 });
    await athena.askQuestion(run, newNonce(), 'Which colour?', ['teal', 'rust']);
    await waitFor('both', async () => (await ofTask(run.taskId)).length === 2);
    await athena.tell(run, 'parked');
    await untilState(run.taskId, 'parked');
    const [question, approval] = (await ofTask(run.taskId)).toSorted((one) => (one.question ? -1 : 1));
    assert.ok(question && approval);
    await decide(approval, 'approve');
    assert.equal((await show(run.taskId)).state, 'parked');
    assert.deepEqual(
      { owner: (await why(run.taskId)).owner, next: (await why(run.taskId)).next },
      { owner: 'requester', next: `olympus answer ${question.id} "…"` },
    );

    const wrong = await cli('answer', question.id, 'green');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /one of: teal, rust/);
    assert.equal((await cli('answer', question.id, 'teal')).code, 0);

    assert.match(
      (await athena.takeRun(run.taskId)).data.input.text,
      /Answered by ada: “Which colour\?” – teal/,
    );
  });

  it('counts as denied when nobody decides in time, and resumes the run with that', async () => {
    const run = await running('nobody cares');
    const key = newNonce();
    await athena.askApproval(run, key, {}, 1);
    await athena.tell(run, 'parked');

    assert.equal((await athena.hearDecision(key)).state, 'expired');
    assert.match(
      (await athena.takeRun(run.taskId)).data.input.text,
      /Denied, because nobody decided in time/,
    );
    const [expired] = await ofTask(run.taskId);
    assert.ok(expired);
    const late = await decide(expired, 'approve');
    assert.equal(late.status, 409);
    assert.match(late.body.message, /expired at .* counts as denied/);
  });

  it('is withdrawn when the task is cancelled, and cannot be given any more', async () => {
    const run = await running('changed my mind');
    const key = newNonce();
    await athena.askApproval(run, key);
    const approval = await pendingOf(run.taskId);
    await athena.tell(run, 'parked');
    await untilState(run.taskId, 'parked');

    assert.equal((await cli('task', 'cancel', run.taskId)).code, 0);

    assert.equal((await athena.hearDecision(key)).state, 'withdrawn');
    const late = await decide(approval, 'approve');
    assert.equal(late.status, 409);
    assert.match(late.body.message, /withdrawn/);
    assert.equal((await show(run.taskId)).state, 'cancelled');
  });

  it('ends a run that is cancelled and says that it was parked', async () => {
    const run = await running('cancelled while it parks');
    await athena.askApproval(run, newNonce());
    await pendingOf(run.taskId);
    await cli('task', 'cancel', run.taskId);
    await athena.tell(run, 'parked');

    await untilState(run.taskId, 'cancelled');
  });
});

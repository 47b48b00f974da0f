import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AuditView } from '#core/api.ts';
import type { ApprovalView } from '#core/api-approvals.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { newNonce } from '#lib/id.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
/** What the played agent asks for is `deploy.production`. */
/** Each with a token of their own; Ada has two, of which one is written otherwise. */
const PEOPLE = ['ada', 'Ada', 'bob', 'mallory'].map((name) => ({
  name,
  token: `${name}-may-decide-here`,
  scopes: ['read', 'decide'],
}));
const tokenOf = (name: string) => `${name}-may-decide-here`;
const policies = (gate: string): string =>
  `gates:\n  - {name: production, kinds: [deploy.*], ${gate}}\nautonomy:\n  - {kinds: [github.label-set], level: do}\n`;

describe('what has to pass a gate', () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let control: ControlOnBus;
  let athena: AskingAgent;
  const file = () => path.join(dir.path, 'policies.yml');
  before(async function () {
    this.timeout(60_000);
    dir = await tempDir('gates');
    await writeFile(file(), policies('approvals: 2'));
    const tokens = path.join(dir.path, 'tokens.json');
    await writeFile(tokens, apiTokensText(PEOPLE, {}), { mode: 0o600 });
    control = await startControlOnBus(FLEET, ['athena'], {
      OLYMPUS_POLICIES_FILE: file(),
      OLYMPUS_API_TOKENS_FILE: tokens,
    });
    athena = await AskingAgent.join(control, FLEET, 'athena');
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Has control run with other policies. */
  async function follow(gate: string): Promise<void> {
    await writeFile(file(), policies(gate));
    await control.kill();
    await control.start();
  }

  async function asked(): Promise<{ key: string; run: TaskDispatch['data']; approval: ApprovalView }> {
    const task = await new Operator(control).create(`deploy it ${newNonce()}`);
    const run = (await athena.takeRun(task.id)).data;
    await athena.tell(run, 'started');
    const key = newNonce();
    await athena.askApproval(run, key);
    const approval = await waitFor('something to decide', async () => {
      const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?state=pending');
      return body.approvals.find(({ taskId }) => taskId === task.id);
    });
    return { key, run, approval };
  }

  it('goes on at once where the policies ask nobody, also when the word that it was parked comes first', async () => {
    const task = await new Operator(control).create(`label it ${newNonce()}`);
    const run = (await athena.takeRun(task.id)).data;
    await athena.tell(run, 'started');
    await athena.tell(run, 'parked');
    await new Operator(control).untilState(task.id, 'parked');

    const key = newNonce();
    await athena.askApproval(run, key, {}, 600_000, 'github.label-set');

    const told = await athena.hearDecision(key);
    assert.deepEqual([told.state, told.why], ['approved', 'the policies let agents do it']);
    const next = (await athena.takeRun(task.id)).data;
    assert.notEqual(next.runId, run.runId);
  });

  it('is withdrawn when its run waits for it no more, and keeps nothing waiting', async () => {
    const { key, run, approval } = await asked();

    await athena.tell(run, 'forgot', key);

    const { body } = await waitFor('it to be withdrawn', async () => {
      const got = await control.api<ApprovalView>('GET', `/v1/approvals/${approval.id}`);
      return got.body.state === 'withdrawn' && got;
    });
    assert.equal(body.why, 'it was decided in its gateway, or has timed out there');
  });

  /** Somebody decides with their own token, or with one that is given. */
  async function say(
    verb: 'approve' | 'deny',
    { id, hash }: ApprovalView,
    by: string,
    token = tokenOf(by),
  ): Promise<{ status: number; body: ApprovalView & { message: string } }> {
    const response = await fetch(`${control.url}/v1/approvals/${id}/${verb}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ by, ...(verb === 'approve' ? { hash } : {}) }),
      signal: AbortSignal.timeout(10_000),
    });
    const body = (await response.json()) as ApprovalView & { message: string };
    return { status: response.status, body };
  }

  it('waits for as many people as the gate asks for, and counts each once', async () => {
    const { key, approval } = await asked();
    assert.deepEqual([approval.gate, approval.approvals, approval.approvedBy], ['production', 2, []]);

    for (const who of ['ada', 'ada', 'Ada']) {
      const { body } = await say('approve', approval, who);
      assert.deepEqual([body.state, body.approvedBy], ['pending', ['ada']]);
    }
    await control.kill();
    await control.start();
    const cli = await new Operator({ ...control, token: tokenOf('bob') }, 'bob').cli(
      'approve',
      approval.id,
      '--yes',
    );

    assert.equal(cli.code, 0, cli.stderr);
    assert.match(cli.stdout, /gate +production: 1 of 2 approvals \(ada\)/);
    const told = await athena.hearDecision(key);
    assert.deepEqual([told.state, told.by], ['approved', 'ada and bob']);
    const late = await say('deny', approval, 'mallory');
    assert.match(late.body.message, /it was approved by ada and bob at/);
    const again = await say('approve', approval, 'ada');
    assert.deepEqual([again.status, again.body.state], [200, 'approved']);
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    const changes = body.records.filter(({ entityId }) => entityId === approval.id);
    assert.deepEqual(
      changes.map(({ who, what, state }) => [who, what, state]),
      [
        ['person/bob', 'approve', 'approved'],
        ['person/ada', 'count', 'pending'],
        ['agent/athena', 'ask', 'pending'],
      ],
    );
  });

  it('takes all that comes with the full token for one of them, whatever names it gives', async () => {
    const { approval } = await asked();

    for (const name of ['ada', 'bob', 'mallory']) {
      const { body } = await say('approve', approval, name, control.token);
      assert.deepEqual([body.state, body.approvedBy], ['pending', ['operator']]);
    }
    assert.equal((await say('approve', approval, 'bob')).body.state, 'approved');
    assert.equal((await say('approve', approval, 'ada', control.token)).status, 200, 'said again');
  });

  it('says on the command line that others have to approve it too', async () => {
    const { approval } = await asked();

    const { stderr, code } = await new Operator(control).cli('approve', approval.id, '--yes');

    assert.equal(code, 0, stderr);
    assert.match(stderr, /1 of 2 have approved it; it waits for somebody else/);
  });

  it('is denied by one, also after another has approved', async () => {
    const { key, approval } = await asked();
    await say('approve', approval, 'ada');

    const { body } = await say('deny', approval, 'bob');

    assert.equal(body.state, 'denied');
    assert.equal((await athena.hearDecision(key)).state, 'denied');
  });

  it('is for those alone whom the gate names, and denied by anybody', async function () {
    this.timeout(60_000);
    await follow('approvers: [ada]');
    const { key, approval } = await asked();

    const refused = await say('approve', approval, 'mallory');
    assert.equal(refused.status, 409);
    assert.match(refused.body.message, /the gate production, which is for ada, and not for mallory/);

    assert.equal((await say('approve', approval, 'ada')).body.state, 'approved');
    assert.equal((await athena.hearDecision(key)).state, 'approved');
    const other = await asked();
    assert.equal((await say('deny', other.approval, 'mallory')).body.state, 'denied');
  });

  it('has no more time than the gate gives, and passes the gate that there was when it was asked', async function () {
    this.timeout(60_000);
    await follow('approvals: 2, within: 1h');
    const { approval } = await asked();
    const given = Date.parse(approval.expiresAt) - Date.parse(approval.createdAt);
    assert.ok(given <= 3_600_000, `${given} ms`);

    await follow('approvals: 1');

    assert.equal((await say('approve', approval, 'ada')).body.state, 'pending');
    assert.equal((await say('approve', approval, 'bob')).body.state, 'approved');
  });
});

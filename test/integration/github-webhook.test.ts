import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TaskDetail, TaskView } from '#core/api.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { acmeSeed, acmeSettings, asUser } from '#test/github/house.ts';
import { commentOf, issueOf, MALLORY, payloadOf } from '#test/github/payloads.ts';
import { GithubScene } from '#test/github/scene.ts';
import { githubSettings, sendWebhook, WEBHOOK_SECRET, webhookHeaders } from '#test/github/webhook.ts';
import { heartbeatOf } from '#test/messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const BEFORE = 'the secret that was there before';

describe('the webhook of GitHub', () => {
  let dir: TempDir;
  let github: GithubScene;
  let control: ControlOnBus;
  let athena: BusClient;
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('webhook');
    github = await GithubScene.open(acmeSeed());
    const settings = await githubSettings(dir.path, { ...acmeSettings(github), before: BEFORE });
    control = await startControlOnBus(FLEET, ['athena'], settings);
    athena = await control.connect('athena');
    const beat = heartbeatOf('athena', { concurrency: 100 });
    await athena.request(`${FLEET}.heartbeat.athena`, JSON.stringify(beat));
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await github?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  let commentId = 100;
  const comment = (text: string, patch: object = {}): string => {
    commentId += 1;
    const said = commentOf(text, { id: commentId, ...patch });
    return JSON.stringify(payloadOf('issue_comment', 'created', { issue: issueOf(), comment: said }));
  };
  const send = (event: string, body: string, given: Parameters<typeof webhookHeaders>[2] = {}) =>
    sendWebhook(control.url, webhookHeaders(event, body, given), body);
  const tasks = async (): Promise<TaskView[]> =>
    (await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?limit=100')).body.tasks;
  const tasksSaying = async (text: string): Promise<TaskView[]> =>
    (await tasks()).filter((task) => task.text.includes(text));
  /** Resolves with what was made of it once nothing is left to do. */
  async function madeOf(text: string): Promise<TaskView[]> {
    await handled();
    return tasksSaying(text);
  }
  async function handled(): Promise<void> {
    await waitFor('all deliveries to be handled', () => open() === 0);
  }
  function open(): number {
    using db = closing(new DatabaseSync(path.join(control.stateDir, 'control.sqlite'), { readOnly: true }));
    const row = db.it.prepare('SELECT count(*) AS n FROM github_deliveries WHERE handled_at IS NULL').get();
    return Number(row?.['n']);
  }

  it('makes a task, answered in less than a second, that goes out on the bus', async () => {
    const startedAt = performance.now();
    const { status, body } = await send('issue_comment', comment('@athena mend the roof'), { id: 'first' });

    assert.deepEqual([status, JSON.parse(body)], [202, { delivery: 'first', known: false }]);
    assert.ok(performance.now() - startedAt < 1000);
    const task = await waitFor('the task', async () => (await tasksSaying('mend the roof'))[0]);
    const { body: detail } = await waitFor('it to be released', async () => {
      const got = await control.api<TaskDetail>('GET', `/v1/tasks/${task.id}`);
      return got.body.state === 'released' && got;
    });
    assert.deepEqual([detail.agent, detail.requester, detail.trust], ['athena', 'github:bob', 'member']);
    await waitFor('it to be on the bus', async () =>
      (await athena.pull('ROUNDTABLE_TASKS', 'athena')).string().includes('mend the roof'),
    );
  });

  it('makes it once, whatever comes again', async () => {
    const body = comment('@athena once');
    await send('issue_comment', body, { id: 'again' });
    const again = await send('issue_comment', body, { id: 'again' });
    assert.deepEqual(JSON.parse(again.body), { delivery: 'again', known: true });
    // The id is not signed.
    assert.equal(
      (await send('issue_comment', body, { id: 'old bytes, new id'.replaceAll(/\W/g, '-') })).status,
      202,
    );
    const edited = JSON.stringify({ ...JSON.parse(body), action: 'edited' });
    await send('issue_comment', edited);

    assert.equal((await madeOf('@athena once')).length, 1);
  });

  it('is signed with either of two secrets, and nothing else is stored', async () => {
    const body = comment('@athena signed');
    const { 'x-hub-signature-256': signature = '', ...unsigned } = webhookHeaders('issue_comment', body);
    const changed = body.replace('@athena signed', '@athena forged');
    const again = JSON.stringify(JSON.parse(body), undefined, 1);
    const known = count();
    const refused: [string, Record<string, string>, string][] = [
      ['a wrong secret', webhookHeaders('issue_comment', body, { secret: 'wrong' }), body],
      ['a changed body', { ...unsigned, 'x-hub-signature-256': signature }, changed],
      ['a body that was written anew', { ...unsigned, 'x-hub-signature-256': signature }, again],
      ['no signature', unsigned, body],
      ['SHA-1', { ...unsigned, 'x-hub-signature': `sha1=${'0'.repeat(40)}` }, body],
    ];
    for (const [what, headers, sent] of refused) {
      const { status, body: answer } = await sendWebhook(control.url, headers, sent);
      assert.equal(status, 401, what);
      assert.match(JSON.parse(answer).message, /X-Hub-Signature-256|secret/, what);
    }
    const form = {
      ...webhookHeaders('issue_comment', body),
      'content-type': 'application/x-www-form-urlencoded',
    };
    assert.match((await sendWebhook(control.url, form, body)).body, /application\/json/);
    const { 'x-github-delivery': _, ...nameless } = webhookHeaders('issue_comment', body);
    assert.equal((await sendWebhook(control.url, nameless, body)).status, 400);
    assert.equal(count(), known);

    for (const secret of [WEBHOOK_SECRET, BEFORE])
      assert.equal((await send('issue_comment', body, { secret })).status, 202);
    assert.equal((await madeOf('signed')).length, 1);
  });

  it('takes no body of 10 MB, and cuts off one that never ends', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(10_000_000) });
    const headers = { ...webhookHeaders('issue_comment', long), 'content-length': String(long.length) };
    // What is more than it takes need not be sent to be refused.
    const { status, body } = await sendWebhook(control.url, headers, long.slice(0, 1000), { ends: false });
    assert.equal(status, 413);
    assert.match(body, /at most 1048576 bytes/);

    const short = comment('@athena slowly');
    const slow = { ...webhookHeaders('issue_comment', short), 'content-length': String(short.length) };
    const startedAt = performance.now();
    const cut = sendWebhook(control.url, slow, short.slice(0, 10), { ends: false });
    await assert.rejects(cut, { code: 'ECONNRESET' });
    assert.ok(performance.now() - startedAt < 20_000);
    assert.equal((await madeOf('slowly')).length, 0);
  });

  it('ends what was begun when it is closed, and begins nothing for what happened before', async () => {
    const later = { updated_at: '2026-11-30T12:00:00Z' };
    await send('issue_comment', comment('@athena before the end'));
    await send('issue_comment', comment('@athena after all', later));
    const closed = issueOf({ state: 'closed', closed_at: '2026-11-30T11:00:00Z' });
    await send('issues', JSON.stringify(payloadOf('issues', 'closed', { issue: closed })));
    // It was lost, and is delivered again.
    await send('issue_comment', comment('@athena too late'));

    const [ended] = await madeOf('before the end');
    const { body: detail } = await control.api<TaskDetail>('GET', `/v1/tasks/${ended?.id}`);
    assert.ok(['cancelling', 'cancelled'].includes(detail.state), detail.state);
    assert.match(detail.reason ?? '', /cancelled by github:bob: acme\/web#7 was closed on GitHub/);
    assert.equal((await tasksSaying('after all'))[0]?.state, 'released');
    assert.deepEqual(await tasksSaying('too late'), []);
  });

  it('goes on after it was killed with what was stored, and is not stopped by what it cannot read', async function () {
    this.timeout(90_000);
    const broken = JSON.stringify({ ...payloadOf('issues', 'opened'), issue: 'none' });
    assert.equal((await send('issues', broken)).status, 202);
    const outsider = comment('@athena from outside', { user: MALLORY, author_association: 'NONE' });
    assert.equal((await send('issue_comment', outsider)).status, 202);
    assert.equal(
      (await send('issue_comment', comment('@athena survive', { updated_at: '2026-11-30T12:00:00Z' })))
        .status,
      202,
    );
    await control.kill();
    const bob = asUser(github, 'bob');
    const { body: issue } = await bob('POST', '/repos/acme/web/issues', { body: { title: 'It rains in' } });
    const said = { body: '@athena while you were away' };
    await bob('POST', `/repos/acme/web/issues/${issue.number}/comments`, { body: said });
    await control.start();

    await waitFor('the poll to find it', async () => (await tasksSaying('while you were away')).length > 0);
    assert.equal((await madeOf('survive')).length, 1);
    assert.deepEqual(await tasksSaying('from outside'), []);
    const health = await control.api<{ status: string }>('GET', '/healthz');
    assert.equal(health.body.status, 'ok');
  });

  function count(): number {
    using db = closing(new DatabaseSync(path.join(control.stateDir, 'control.sqlite'), { readOnly: true }));
    return Number(db.it.prepare('SELECT count(*) AS n FROM github_deliveries').get()?.['n']);
  }
});

function closing(it: DatabaseSync) {
  return { it, [Symbol.dispose]: () => it.close() };
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { AuditView, TaskView } from '#core/api.ts';
import { newNonce } from '#lib/id.ts';
import type { Ended } from '#test/cli-call.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { issueOf, payloadOf } from '#test/github/payloads.ts';
import type { GithubScene } from '#test/github/scene.ts';
import { sendWebhook, webhookHeaders } from '#test/github/webhook.ts';
import { LONG, REPO, Workshop } from '#test/github/workshop.ts';
import { waitFor } from '#test/wait.ts';

const exec = promisify(execFile);
/** As every token that is minted begins. */
const TOKEN = /ghs_[A-Za-z0-9]{10,}/;
/** The same as git sends it, with a name before it. */
const FOR_GIT = /eC1hY2Nlc3MtdG9rZW46Z2hz[A-Za-z0-9+/]{10,}/;
const POLICIES = `gates: []
autonomy:
  - {kinds: [github.issue-create, github.branch-push, github.pr-open], level: do}
  - {kinds: [github.comment-upsert], level: deny}
`;

/** The command of an agent, its daemon, control and a GitHub, with processes that are killed in between. */
describe('what an agent does at GitHub', function () {
  this.timeout(180_000);
  let shop: Workshop;
  let github: GithubScene;
  before(async () => {
    shop = await Workshop.open(POLICIES);
    ({ github } = shop);
  });
  afterEach(async () => {
    noteForFailure('log of olympusd', shop.daemon.logTail());
    noteForFailure('log of control', shop.fleet.control.process.logTail());
    await github.clearFaults();
    await shop.script.post('release');
  });
  after(async () => {
    await shop?.[Symbol.asyncDispose]();
  });

  const at = (...names: string[]): string => shop.at(...names);
  const act = (task: string, ...words: string[]): Promise<Ended> =>
    shop.action(...words, '--task', task, '--repo', REPO, '--why', 'as asked');
  const openIssue = async (task: string, title: string): Promise<Ended> => {
    await writeFile(at('body.md'), 'It does not.');
    return act(task, 'issue-create', '--title', title, '--body-file', at('body.md'));
  };
  const ada = () => github.as('of-ada');
  const issuesTitled = async (title: string): Promise<{ number: number; user: { login: string } }[]> => {
    const { body } = await ada()('GET', `/repos/${REPO}/issues?state=all&per_page=100`);
    return body.filter((each: { title: string }) => each.title === title);
  };
  const recordOf = async (entity: string, id: string): Promise<AuditView[]> => {
    const { records } = (await shop.call('GET', 'audit?limit=500')) as { records: AuditView[] };
    return records.filter((each) => each.entity === entity && each.entityId === id);
  };

  it('is an issue, opened once however often the command runs, and on the record of the task', async () => {
    const task = await shop.turn();

    const first = await openIssue(task, 'Log in');
    const again = await openIssue(task, 'Log in');

    assert.equal(first.code, 0, first.stderr);
    const [issue, ...others] = await issuesTitled('Log in');
    assert.equal(others.length, 0);
    assert.equal(issue?.user.login, 'vulcan[bot]');
    assert.equal(first.stdout, `Done: #${issue.number} ${github.url}/${REPO}/issues/${issue.number}\n`);
    assert.match(again.stdout, /^It is there already: #/);
    const wrote = await waitFor('the record', async () =>
      (await recordOf('task', task)).find(({ what }) => what === 'wrote'),
    );
    assert.match(wrote.why ?? '', /^github\.issue-create: http/);
  });

  for (const victim of ['daemon', 'control'] as const) {
    it(`is written once when ${victim} is killed before the answer comes`, async () => {
      const task = await shop.turn();
      const title = `Killed ${victim}`;
      await github.fault({ kind: 'hold', when: 'after', method: 'POST', path: '/issues$' });

      const asked = openIssue(task, title);
      await waitFor('it to be written', async () => (await issuesTitled(title)).length === 1, LONG);
      (victim === 'daemon' ? shop.daemon : shop.fleet.control.process).kill('SIGKILL');
      await github.clearFaults();
      await github.admin('POST', '/standin/release', {});
      const { code, stdout, stderr } = await asked;
      await shop.fleet.untilUp();

      assert.equal(code, 0, stdout + stderr);
      assert.equal((await issuesTitled(title)).length, 1);
    });
  }

  it('waits for a person where the policies do not say that it need not', async () => {
    const task = await shop.turn();
    const [issue] = await issuesTitled('Log in');
    const asked = act(task, 'label-set', '--number', String(issue?.number), '--add', 'ready');
    const approval = await shop.pendingOf(task);
    const labels = async () =>
      (await ada()('GET', `/repos/${REPO}/issues/${issue?.number}`)).body.labels.length;
    assert.equal(await labels(), 0);

    await shop.call('POST', `approvals/${approval.id}/approve`, { by: 'ada', hash: approval.hash });

    assert.equal((await asked).code, 0);
    assert.equal(await labels(), 1);
    assert.ok((await recordOf('approval', approval.id)).some(({ what }) => what === 'give-token'));
  });

  it('waits for a person where words of others came with it, and is refused where people hold back what asked for it', async () => {
    const title = `Please help ${newNonce()}`;
    await shop.script.post('script', { rules: [{ match: title, behaviour: { held: true } }] });
    const { body: there } = await ada()('POST', `/repos/${REPO}/issues`, { body: { title } });
    const { number } = there;
    const issue = issueOf({
      number,
      title,
      body: 'Open an issue that I want.',
      labels: [{ name: 'agent:vulcan' }],
    });
    const body = JSON.stringify(payloadOf('issues', 'labeled', { issue, label: { name: 'agent:vulcan' } }));
    const sent = await sendWebhook(shop.fleet.control.url, webhookHeaders('issues', body), body);
    assert.equal(sent.status, 202, sent.body);
    const task = await waitFor(
      'the turn',
      async () => {
        const { tasks } = (await shop.call('GET', 'tasks?state=running')) as { tasks: TaskView[] };
        return tasks.find(({ text }) => text.includes(`${REPO}#${number}`));
      },
      LONG,
    );

    const asked = openIssue(task.id, 'Of a stranger');
    const approval = await shop.pendingOf(task.id);
    await shop.call('POST', `approvals/${approval.id}/deny`, { by: 'ada' });

    assert.equal((await asked).code, 3);
    assert.deepEqual(await issuesTitled('Of a stranger'), []);
    const opened = act(task.id, 'pr-open', '--slug', 'x', '--title', 'Help', '--body-file', at('body.md'));
    const { id, hash } = await shop.pendingOf(task.id);
    const labels = `/repos/${REPO}/issues/${number}/labels`;
    await ada()('POST', labels, { body: { labels: ['olympus:human'] } });
    await shop.call('POST', `approvals/${id}/approve`, { by: 'ada', hash });
    assert.match((await opened).stderr, /people hold acme\/web#\d+ back: it has the label olympus:human/);
  });

  it('is refused where the policies or the fleet do not have it, with a sentence', async () => {
    const task = await shop.turn();
    const comment = await act(task, 'comment-upsert', '--number', '1', '--body-file', at('body.md'));
    const elsewhere = await shop.action(
      'repo-get',
      '--task',
      task,
      '--repo',
      'acme/other',
      '--out',
      at('other'),
    );

    assert.equal(comment.code, 1);
    assert.match(comment.stderr, /the policies of this fleet let no agent do that/);
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.stderr, /this fleet does not work in acme\/other/);
  });

  it('is a branch of its commits and a pull request of it', async () => {
    const task = await shop.turn();
    const folder = at('work');
    const git = async (...args: string[]): Promise<string> =>
      (
        await exec('git', args, { cwd: folder, env: { PATH: process.env['PATH'], HOME: shop.dir.path } })
      ).stdout.trim();
    const got = await shop.action('repo-get', '--task', task, '--repo', REPO, '--out', at('web.bundle'));
    assert.equal(got.code, 0, got.stderr);
    for (const line of got.stdout.replaceAll('<folder>', folder).trim().split('\n')) {
      await exec('sh', ['-c', line], { cwd: shop.dir.path });
    }
    const commit = async (file: string): Promise<void> => {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), 'x\n');
      await git('add', '--all');
      await git('commit', '--quiet', '--message', `Write ${file}`);
      await git('bundle', 'create', '--quiet', at('mine.bundle'), 'origin/main..fix');
    };
    const push = () => act(task, 'branch-push', '--slug', 'fix', '--bundle', at('mine.bundle'));
    await git('checkout', '--quiet', '-b', 'fix');

    for (const file of ['.github/workflows/ci.yml', 'docs/CODEOWNERS', 'tools/lint/action.yml']) {
      await commit(file);
      const { stderr } = await push();
      assert.ok(
        stderr.includes(`${file} says what GitHub runs, or who has to agree: a person has to`),
        stderr,
      );
      await git('reset', '--quiet', '--hard', 'origin/main');
    }
    await git('config', 'user.email', 'somebody@example.com');
    await commit('src/a.txt');
    const strange = await push();
    await git('reset', '--quiet', '--hard', 'origin/main');
    await git('config', 'user.email', 'vulcan[bot]@users.noreply.127.0.0.1');
    await commit('src/a.txt');
    const first = await push();
    const again = await push();
    await writeFile(at('body.md'), 'Asked, done, tested.');
    const opened = await act(
      task,
      'pr-open',
      '--slug',
      'fix',
      '--title',
      'Fix it',
      '--body-file',
      at('body.md'),
    );

    const retitle = (title: string) =>
      act(task, 'pr-open', '--slug', 'fix', '--title', title, '--body-file', at('body.md'));
    const other = await retitle('Fix it well');
    const back = await retitle('Fix it');
    const [pull] = (await ada()('GET', `/repos/${REPO}/pulls`)).body;
    const labels = `/repos/${REPO}/issues/${pull.number}/labels`;
    await ada()('POST', labels, { body: { labels: ['olympus:pause'] } });
    const pushed = await git('rev-parse', 'fix');
    await commit('src/b.txt');
    const held = await push();

    assert.match(held.stderr, /people hold acme\/web#\d+ back: it has the label olympus:pause/);
    for (const { code, stdout } of [other, back]) assert.deepEqual([code, /^Done: /.test(stdout)], [0, true]);
    assert.match(strange.stderr, /is by somebody@example\.com, and yours are by vulcan\[bot\]@/);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, `Done: ${github.url}/${REPO}/tree/agent/vulcan/fix\n`);
    assert.match(again.stdout, /^It is there already/);
    assert.equal(opened.code, 0, opened.stderr);
    const { body: pulls } = await ada()('GET', `/repos/${REPO}/pulls`);
    assert.deepEqual(
      pulls.map((pull: { title: string; head: { ref: string; sha: string }; user: { login: string } }) => [
        pull.title,
        pull.head.ref,
        pull.head.sha,
        pull.user.login,
      ]),
      [['Fix it', 'agent/vulcan/fix', pushed, 'vulcan[bot]']],
    );
  });

  it('leaves no token anywhere', async () => {
    const { requests } = (await github.admin('GET', '/standin/requests?since=0')) as {
      requests: { path: string }[];
    };
    assert.ok(requests.some(({ path: asked }) => asked.endsWith('/access_tokens')));
    const token = await github.installationToken('vulcan', 'acme');
    assert.match(token, TOKEN);
    assert.match(Buffer.from(`x-access-token:${token}`).toString('base64'), FOR_GIT);
    const files = await readdir(shop.dir.path, { recursive: true, withFileTypes: true });
    for (const file of files.filter((each) => each.isFile())) {
      const name = path.join(file.parentPath, file.name);
      // What a process has removed meanwhile has nothing in it.
      const content = await readFile(name, 'latin1').catch(() => '');
      assert.doesNotMatch(content, TOKEN, name);
      assert.doesNotMatch(content, FOR_GIT, name);
    }
  });
});

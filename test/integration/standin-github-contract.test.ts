import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { acme } from '#test/github/acme.ts';
import { Contract } from '#test/github/contract.ts';
import { GithubDescription } from '#test/github/description.ts';
import { missingKeys } from '#test/github/examples.ts';
import { type Api, type Git, GithubScene } from '#test/github/scene.ts';
import { WebhookSink } from '#test/github/webhook-sink.ts';
import { waitFor } from '#test/wait.ts';
import { ROUTES } from '../../src/standins/github/server.ts';

const APP = '/repos/acme/app';
const BRANCH = 'agent/apollo/1-answer';

/** What GitHub describes under another path: `contents/{path}` with an empty path. */
const NOT_DESCRIBED = ['GET /repos/:owner/:repo/contents'];

/** Fields of the examples that are not always there: an issue is no draft any more; every app has permissions of its own. */
const NOT_SENT = /has no (issue\.draft|.*\.permissions\.\w+)$/;

describe("GitHub stand-in against GitHub's own description", () => {
  const description = new GithubDescription();
  const contract = new Contract(description);
  const as = contract.call.bind(contract);
  let sink: WebhookSink;
  let scene: GithubScene;
  let ada: Api;
  let mia: Api;
  let athena: Api;
  let app: Api;
  let git: Git;
  let head: string;

  before(async () => {
    sink = await WebhookSink.open();
    scene = await GithubScene.open(acme({ url: sink.url, secret: 's' }));
    [ada, mia] = [scene.as('token-of-ada'), scene.as('token-of-mia')];
    app = scene.as(scene.jwt('athena'));
    const token = await scene.installationToken('athena', 'acme');
    athena = scene.as(token);
    git = await scene.clone('acme/app', token);
    head = await commit('src/main.ts', 'export const answer = 42;\n');
  });

  after(async () => {
    await scene[Symbol.asyncDispose]();
    await sink[Symbol.asyncDispose]();
  });

  /** Pushes a change on the branch, and gives the commit. */
  async function commit(file: string, text: string): Promise<string> {
    await git('checkout', '-q', '-B', BRANCH);
    await writeFile(path.join(git.dir, file), text);
    await git('add', '.');
    await git('commit', '-q', '-m', `Change ${file}`);
    await git('push', '-q', '--force', 'origin', BRANCH);
    return git('rev-parse', 'HEAD');
  }

  it('answers about accounts and limits', async () => {
    await as(ada, 200, 'GET', '/user');
    await as(ada, 200, 'GET', '/users/eve');
    await as(ada, 404, 'GET', '/users/nobody');
    await as(ada, 200, 'GET', '/rate_limit');
  });

  it('answers about apps', async () => {
    const { id, installations } = scene.seeded.apps['athena'] ?? assert.fail('athena');
    assert.equal((await as(app, 200, 'GET', '/app')).id, id);
    await as(app, 200, 'GET', '/app/installations');
    await as(app, 200, 'GET', `/app/installations/${installations['acme']}`);
    await as(app, 200, 'GET', `${APP}/installation`);
    const made = await as(app, 201, 'POST', `/app/installations/${installations['acme']}/access_tokens`, {
      body: { repositories: ['app'], permissions: { issues: 'read' } },
    });
    await as(scene.as(made.token), 200, 'GET', '/installation/repositories');
    await as(scene.as(made.token), 204, 'DELETE', '/installation/token');
    await as(app, 200, 'GET', '/app/hook/config');
    await as(app, 200, 'PATCH', '/app/hook/config', { body: { url: sink.url } });
  });

  it('answers the manifest of an app', async () => {
    const manifest = { name: 'Apollo', url: 'http://olympus.test', redirect_url: 'http://olympus.test/back' };
    const response = await fetch(`${scene.url}/organizations/acme/settings/apps/new`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ manifest: JSON.stringify(manifest), state: 'abc' }),
    });
    const back = new URL(response.headers.get('location') ?? assert.fail('it goes nowhere'));
    assert.equal(back.searchParams.get('state'), 'abc');
    const conversions = `/app-manifests/${back.searchParams.get('code')}/conversions`;
    await as(scene.as(), 201, 'POST', conversions);
    await as(scene.as(), 404, 'POST', conversions);
  });

  it('answers about repositories and who may what', async () => {
    await as(ada, 200, 'GET', APP);
    await as(ada, 200, 'GET', '/repos/eve/open');
    await as(ada, 404, 'GET', '/repos/acme/nothing');
    await as(ada, 200, 'GET', '/user/repos');
    await as(ada, 200, 'PATCH', '/repos/acme/other', { body: { name: 'another' } });
    await as(ada, 301, 'GET', '/repos/acme/other');
    await as(ada, 200, 'GET', `${APP}/collaborators`);
    await as(ada, 204, 'GET', `${APP}/collaborators/bob`);
    await as(ada, 200, 'GET', `${APP}/collaborators/bob/permission`);
  });

  it('answers about issues', async () => {
    const draft = {
      title: 'Wrong answer',
      body: 'It says 41.',
      labels: ['agent:apollo'],
      assignees: ['mia'],
    };
    const issue = await as(athena, 201, 'POST', `${APP}/issues`, { body: draft });
    assert.equal(issue.number, 1);
    await as(ada, 422, 'POST', `${APP}/issues`, { body: { body: 'without a title' } });
    await as(ada, 200, 'GET', `${APP}/issues/1`);
    await as(ada, 404, 'GET', `${APP}/issues/99`);
    await as(ada, 200, 'GET', `${APP}/issues?state=all&labels=agent:apollo&assignee=mia&sort=updated`);
    await as(ada, 200, 'PATCH', `${APP}/issues/1`, {
      body: { title: 'A wrong answer', body: 'It says 41!' },
    });
    await as(ada, 200, 'PATCH', `${APP}/issues/1`, {
      body: { state: 'closed', state_reason: 'not_planned' },
    });
    await as(ada, 200, 'PATCH', `${APP}/issues/1`, { body: { state: 'open' } });
    await as(ada, 200, 'GET', `${APP}/assignees`);
    await as(ada, 204, 'GET', `${APP}/assignees/bob`);
    await as(ada, 200, 'DELETE', `${APP}/issues/1/assignees`, { body: { assignees: ['mia'] } });
    await as(ada, 201, 'POST', `${APP}/issues/1/assignees`, { body: { assignees: ['bob'] } });
  });

  it('answers about labels', async () => {
    await as(ada, 201, 'POST', `${APP}/labels`, { body: { name: 'olympus:pause', color: 'ff0000' } });
    await as(ada, 200, 'GET', `${APP}/labels`);
    await as(ada, 200, 'GET', `${APP}/labels/olympus%3Apause`);
    await as(athena, 200, 'POST', `${APP}/issues/1/labels`, { body: { labels: ['olympus:pause'] } });
    await as(ada, 200, 'GET', `${APP}/issues/1/labels`);
    await as(ada, 200, 'DELETE', `${APP}/issues/1/labels/olympus%3Apause`);
    await as(ada, 404, 'DELETE', `${APP}/issues/1/labels/olympus%3Apause`);
    await as(ada, 200, 'PUT', `${APP}/issues/1/labels`, { body: { labels: ['bug'] } });
    await as(ada, 204, 'DELETE', `${APP}/issues/1/labels`);
  });

  it('answers about comments', async () => {
    const { id } = await as(athena, 201, 'POST', `${APP}/issues/1/comments`, { body: { body: 'On it.' } });
    await as(ada, 200, 'GET', `${APP}/issues/1/comments`);
    await as(ada, 200, 'GET', `${APP}/issues/comments?since=2020-01-01T00:00:00Z`);
    await as(ada, 200, 'GET', `${APP}/issues/comments/${id}`);
    await as(athena, 200, 'PATCH', `${APP}/issues/comments/${id}`, { body: { body: 'Done.' } });
    const other = await as(ada, 201, 'POST', `${APP}/issues/1/comments`, { body: { body: 'gone soon' } });
    await as(ada, 204, 'DELETE', `${APP}/issues/comments/${other.id}`);
  });

  it('answers about commits, refs and files', async () => {
    const main = (await as(ada, 200, 'GET', `${APP}/git/ref/heads/main`)).object.sha;
    await as(ada, 404, 'GET', `${APP}/git/ref/heads/nothing`);
    await as(ada, 409, 'GET', '/repos/acme/empty/git/ref/heads/main');
    await as(athena, 201, 'POST', `${APP}/git/refs`, { body: { ref: 'refs/heads/new', sha: main } });
    await as(athena, 422, 'POST', `${APP}/git/refs`, { body: { ref: 'refs/heads/new', sha: main } });
    await as(athena, 200, 'PATCH', `${APP}/git/refs/heads/new`, { body: { sha: head } });
    await as(athena, 422, 'PATCH', `${APP}/git/refs/heads/new`, { body: { sha: main } });
    await as(athena, 204, 'DELETE', `${APP}/git/refs/heads/new`);
    await as(ada, 200, 'GET', `${APP}/git/matching-refs/heads/agent`);
    await as(ada, 200, 'GET', `${APP}/branches`);
    await as(ada, 200, 'GET', `${APP}/commits`);
    await as(ada, 409, 'GET', '/repos/acme/empty/commits');
    await as(ada, 200, 'GET', `${APP}/commits/${head}`);
    await as(ada, 200, 'GET', `${APP}/git/commits/${head}`);
    const compared = await as(ada, 200, 'GET', `${APP}/compare/main...${BRANCH}`);
    assert.deepEqual([compared.status, compared.ahead_by, compared.files.length], ['ahead', 1, 1]);
    const file = await as(ada, 200, 'GET', `${APP}/contents/src/main.ts?ref=${BRANCH}`);
    assert.equal(Buffer.from(file.content, 'base64').toString(), 'export const answer = 42;\n');
    await as(ada, 200, 'GET', `${APP}/contents/src`);
    await as(ada, 404, 'GET', '/repos/acme/empty/contents/README.md');
  });

  it('answers about pull requests', async () => {
    const draft = { title: 'Say 42', body: 'Closes #1', head: BRANCH, base: 'main' };
    const pull = await as(athena, 201, 'POST', `${APP}/pulls`, { body: draft });
    await as(athena, 422, 'POST', `${APP}/pulls`, { body: draft });
    assert.equal(pull.number, 2);
    await as(ada, 200, 'GET', `${APP}/pulls`);
    await as(ada, 200, 'GET', `${APP}/pulls/2`);
    await as(ada, 200, 'PATCH', `${APP}/pulls/2`, { body: { title: 'Say 42 at last' } });
    await as(ada, 200, 'PATCH', `${APP}/pulls/2`, { body: { state: 'closed' } });
    await as(ada, 200, 'PATCH', `${APP}/pulls/2`, { body: { state: 'open' } });
    await as(ada, 200, 'GET', `${APP}/pulls/2/files`);
    await as(ada, 200, 'GET', `${APP}/pulls/2/commits`);
    await as(ada, 404, 'GET', `${APP}/pulls/2/merge`);
    await as(ada, 200, 'GET', `${APP}/issues/2`);
  });

  it('answers about reviews', async () => {
    const pull = `${APP}/pulls/2`;
    await as(athena, 201, 'POST', `${pull}/requested_reviewers`, { body: { reviewers: ['mia', 'bob'] } });
    await as(ada, 200, 'GET', `${pull}/requested_reviewers`);
    await as(ada, 200, 'DELETE', `${pull}/requested_reviewers`, { body: { reviewers: ['bob'] } });
    await as(athena, 422, 'POST', `${pull}/reviews`, { body: { event: 'APPROVE' } });
    const comments = [{ path: 'src/main.ts', line: 1, body: 'Why 42?' }];
    const review = { event: 'REQUEST_CHANGES', body: 'One question.', comments };
    const { id } = await as(mia, 200, 'POST', `${pull}/reviews`, { body: review });
    await as(ada, 200, 'GET', `${pull}/reviews`);
    await as(ada, 200, 'GET', `${pull}/reviews/${id}`);
    await as(mia, 200, 'PUT', `${pull}/reviews/${id}`, { body: { body: 'One question still.' } });
    await as(ada, 200, 'PUT', `${pull}/reviews/${id}/dismissals`, { body: { message: 'answered' } });
    const pending = await as(mia, 200, 'POST', `${pull}/reviews`, { body: { body: 'Hm.' } });
    await as(mia, 200, 'POST', `${pull}/reviews/${pending.id}/events`, { body: { event: 'APPROVE' } });
    const dropped = await as(mia, 200, 'POST', `${pull}/reviews`, { body: { body: 'No.' } });
    await as(mia, 200, 'DELETE', `${pull}/reviews/${dropped.id}`);
    const [first] = await as(ada, 200, 'GET', `${pull}/reviews/${id}/comments`);
    await as(ada, 201, 'POST', `${pull}/comments/${first.id}/replies`, { body: { body: 'Because.' } });
    const place = { path: 'src/main.ts', line: 1, side: 'LEFT', commit_id: head, body: 'It was 41.' };
    const single = await as(ada, 201, 'POST', `${pull}/comments`, { body: place });
    await as(ada, 422, 'POST', `${pull}/comments`, { body: { ...place, line: 99 } });
    await as(ada, 200, 'GET', `${pull}/comments`);
    await as(ada, 200, 'GET', `${APP}/pulls/comments`);
    await as(ada, 200, 'GET', `${APP}/pulls/comments/${single.id}`);
    await as(ada, 200, 'PATCH', `${APP}/pulls/comments/${single.id}`, { body: { body: 'It was 41 once.' } });
    await as(ada, 204, 'DELETE', `${APP}/pulls/comments/${single.id}`);
  });

  it('answers about checks', async () => {
    const run = { name: 'ci', head_sha: head, status: 'in_progress' };
    const { id } = await as(athena, 201, 'POST', `${APP}/check-runs`, { body: run });
    const done = { conclusion: 'success', output: { title: 'Green', summary: 'All of it.' } };
    await as(athena, 200, 'PATCH', `${APP}/check-runs/${id}`, { body: done });
    await as(ada, 200, 'GET', `${APP}/check-runs/${id}`);
    await as(ada, 200, 'GET', `${APP}/commits/${head}/check-runs?check_name=ci`);
    await as(ada, 200, 'GET', `${APP}/commits/${head}/check-suites`);
    await as(ada, 201, 'POST', `${APP}/statuses/${head}`, { body: { state: 'success', context: 'lint' } });
    await as(ada, 200, 'GET', `${APP}/commits/${head}/status`);
    await as(ada, 200, 'GET', `${APP}/commits/${head}/statuses`);
  });

  it('answers about a merge, and what came before it', async () => {
    const stale = await commit('src/other.ts', 'export {};\n').then(() => head);
    await as(athena, 409, 'PUT', `${APP}/pulls/2/merge`, { body: { sha: stale } });
    await as(athena, 200, 'PUT', `${APP}/pulls/2/merge`);
    await as(athena, 405, 'PUT', `${APP}/pulls/2/merge`);
    await as(ada, 204, 'GET', `${APP}/pulls/2/merge`);
    assert.equal((await as(ada, 200, 'GET', `${APP}/pulls/2`)).merged, true);
    assert.equal((await as(ada, 200, 'GET', `${APP}/issues/1`)).state, 'closed');
    for (const number of [1, 2]) {
      await as(ada, 200, 'GET', `${APP}/issues/${number}/events`);
      await as(ada, 200, 'GET', `${APP}/issues/${number}/timeline`);
    }
  });

  it('answers about hooks and deliveries', async () => {
    const config = { url: sink.url, secret: 's', content_type: 'json' };
    const hook = await as(ada, 201, 'POST', `${APP}/hooks`, { body: { config, events: ['issues'] } });
    await waitFor('the greeting', () => sink.names.includes('ping'));
    await as(ada, 200, 'GET', `${APP}/hooks`);
    await scene.admin('GET', '/standin/state');
    const ofHook = `${APP}/hooks/${hook.id}/deliveries`;
    for (const [api, deliveries] of [
      [ada, ofHook],
      [app, '/app/hook/deliveries'],
    ] as const) {
      const [last] = await as(api, 200, 'GET', deliveries);
      await as(api, 200, 'GET', `${deliveries}/${last.id}`);
      await as(api, 202, 'POST', `${deliveries}/${last.id}/attempts`);
    }
    await as(ada, 204, 'DELETE', `${APP}/hooks/${hook.id}`);
  });

  it('sends events as described, with all that the examples have', async () => {
    await scene.admin('GET', '/standin/state');
    const problems = sink.received.flatMap(({ event, payload }) => [
      ...description.eventProblems(event, payload.action, payload),
      ...missingKeys(event, payload),
    ]);
    assert.deepEqual(
      [...new Set(problems)].filter((problem) => !NOT_SENT.test(problem)),
      [],
    );
  });

  it('covers every line of the API that it speaks', () => {
    const lines = ROUTES.map((route) => ({
      line: `${route.method} ${route.path}`,
      operation: description.operationOf(route.method, route.path)?.name,
    }));
    const uncovered = lines.filter(
      ({ operation }) => operation === undefined || !contract.covered.has(operation),
    );
    assert.deepEqual(
      uncovered.map(({ line }) => line),
      NOT_DESCRIBED,
    );
  });
});

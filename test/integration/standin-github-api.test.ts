import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { acme, PRIVATE_KEY } from '#test/github/acme.ts';
import { type Api, GithubScene, signJwt } from '#test/github/scene.ts';

const ISSUES = '/repos/acme/app/issues';

describe('GitHub stand-in, who may what', () => {
  let scene: GithubScene;
  let ada: Api;
  let installation: string;

  before(async () => {
    scene = await GithubScene.open(acme());
    ada = scene.as('token-of-ada');
    installation = `/app/installations/${scene.seeded.apps['athena']?.installations['acme']}`;
    await ada('POST', ISSUES, { body: { title: 'First' } });
  });

  after(() => scene[Symbol.asyncDispose]());

  const statusOf = async (api: Api, method: string, path: string, body?: unknown): Promise<number> =>
    (await api(method, path, { body })).status;

  it('hides what a token is not for, and says which permission is missing where it is', async () => {
    const token = await scene.installationToken('athena', 'acme', {
      repositories: ['app'],
      permissions: { issues: 'read', pull_requests: 'write' },
    });
    const api = scene.as(token);

    assert.equal(await statusOf(api, 'GET', ISSUES), 200);
    assert.equal(await statusOf(api, 'GET', '/repos/acme/other/issues'), 404);
    const refused = await api('POST', `${ISSUES}/1/comments`, { body: { body: 'no' } });
    assert.equal(refused.status, 403);
    assert.equal(refused.body.message, 'Resource not accessible by integration');
    assert.match(refused.headers.get('x-accepted-github-permissions') ?? '', /issues=write/);
    assert.equal(await statusOf(api, 'GET', '/user'), 403);
  });

  it('lets people do what their role reaches to', async () => {
    const [bob, eve, nobody] = [scene.as('token-of-bob'), scene.as('token-of-eve'), scene.as()];
    assert.equal(await statusOf(bob, 'POST', `${ISSUES}/1/labels`, { labels: ['bug'] }), 200);
    assert.equal(
      await statusOf(bob, 'POST', '/repos/acme/app/git/refs', { ref: 'refs/heads/x', sha: 'x' }),
      403,
    );
    assert.equal(await statusOf(eve, 'GET', ISSUES), 404);
    assert.equal(await statusOf(eve, 'GET', '/repos/acme/open/issues'), 200);
    const draft = { title: 'From outside', labels: ['agent:apollo'], assignees: ['ada'] };
    const { status, body } = await eve('POST', '/repos/acme/open/issues', { body: draft });
    assert.deepEqual([status, body.labels, body.assignees, body.author_association], [201, [], [], 'NONE']);
    assert.equal(
      await statusOf(eve, 'PUT', `/repos/acme/open/issues/${body.number}/labels`, { labels: ['x'] }),
      403,
    );
    assert.equal(await statusOf(nobody, 'GET', '/repos/acme/open/issues'), 200);
    assert.equal(await statusOf(nobody, 'POST', '/repos/acme/open/issues', draft), 401);
    assert.equal(await statusOf(scene.as('no-such-token'), 'GET', '/user'), 401);
  });

  it('knows who is what to a repository', async () => {
    const of = async (login: string): Promise<string> =>
      (await scene.as(`token-of-${login}`)('POST', ISSUES, { body: { title: login } })).body
        .author_association;
    assert.deepEqual(
      [await of('ada'), await of('mia'), await of('bob')],
      ['MEMBER', 'MEMBER', 'COLLABORATOR'],
    );
  });

  it('gives tokens for an hour, for less than the app has and never for more', async () => {
    const app = scene.as(scene.jwt('athena'));
    const token = await scene.installationToken('athena', 'acme');
    const asks = (body: object) => statusOf(app, 'POST', `${installation}/access_tokens`, body);
    assert.equal(await asks({ permissions: { actions: 'write' } }), 422);
    assert.equal(await asks({ repositories: ['nothing'] }), 422);
    assert.equal(await statusOf(scene.as(token), 'GET', ISSUES), 200);

    await scene.advance(3_600_000);

    assert.equal(await statusOf(scene.as(token), 'GET', ISSUES), 401);
  });

  it('believes no web token but a fresh one that the app signed', async () => {
    const { id } = scene.seeded.apps['athena'] ?? assert.fail('athena');
    // GitHub's clock may have been put forward; it says where it stands.
    const now = Math.floor(Date.parse((await ada('GET', '/user')).headers.get('date') ?? '') / 1000);
    const ask = (claims: object, key = PRIVATE_KEY) =>
      statusOf(scene.as(signJwt(key, { iat: now, exp: now + 60, iss: id, ...claims })), 'GET', '/app');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const stranger = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();

    assert.equal(await ask({}), 200);
    assert.equal(await ask({ exp: now - 1 }), 401);
    assert.equal(await ask({ exp: now + 3600 }), 401);
    assert.equal(await ask({ iat: now + 600 }), 401);
    assert.equal(await ask({ iss: 1 }), 404);
    assert.equal(await ask({}, stranger), 401);
    assert.equal(await statusOf(ada, 'GET', '/app'), 401);
  });

  it('gives for nothing what the caller has already', async () => {
    const first = await ada('GET', ISSUES);
    const etag = first.headers.get('etag') ?? assert.fail('no ETag');
    const left = (answer: typeof first): number => Number(answer.headers.get('x-ratelimit-remaining'));

    const again = await ada('GET', ISSUES, { headers: { 'if-none-match': etag } });
    assert.deepEqual([again.status, left(again)], [304, left(first)]);

    await ada('POST', `${ISSUES}/1/comments`, { body: { body: 'news' } });
    const changed = await ada('GET', ISSUES, { headers: { 'if-none-match': etag } });
    assert.deepEqual([changed.status, left(changed)], [200, left(first) - 2]);
    assert.match(changed.headers.get('x-github-request-id') ?? '', /^[0-9A-F]+$/);
  });

  it('gives lists by the page, with the way to the others', async () => {
    const where = '/repos/acme/other/issues';
    for (let number = 1; number <= 5; number++) await ada('POST', where, { body: { title: `${number}` } });
    const titles: string[] = [];
    let next: string | undefined = `${scene.apiUrl}${where}?per_page=2&direction=asc`;
    while (next) {
      const { body, headers } = await ada('GET', next);
      titles.push(...body.map(({ title }: { title: string }) => title));
      next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
    }
    assert.deepEqual(titles, ['1', '2', '3', '4', '5']);
  });

  it('lists what has changed since, and nothing before', async () => {
    await scene.advance(60_000);
    await ada('POST', `${ISSUES}/1/comments`, { body: { body: 'later' } });
    const { updated_at: since } = (await ada('GET', `${ISSUES}/1`)).body;
    const numbers = async (query: string): Promise<number[]> =>
      (await ada('GET', `${ISSUES}?state=all&${query}`)).body.map(({ number }: { number: number }) => number);
    assert.deepEqual(await numbers(`since=${since}`), [1]);
    assert.deepEqual(await numbers('since=2999-01-01T00:00:00Z'), []);
    assert.equal((await numbers('sort=updated'))[0], 1);
    const comments = (await ada('GET', `${ISSUES}/comments?since=${since}`)).body;
    assert.deepEqual(
      comments.map(({ body }: { body: string }) => body),
      ['later'],
    );
  });

  it('finds a repository under its old name, at both addresses', async () => {
    await ada('PATCH', '/repos/acme/other', { body: { name: 'renamed' } });
    const moved = await ada('GET', '/repos/acme/other/issues?per_page=1');
    assert.equal(moved.status, 301);
    const there = await ada('GET', moved.headers.get('location') ?? '');
    assert.equal(there.body.length, 1);
    assert.equal(await statusOf(ada, 'POST', '/repos/acme/other/issues', { title: 'x' }), 307);
    assert.equal((await ada('GET', `${scene.url}/repos/acme/renamed`)).body.name, 'renamed');
  });

  it('says what is wrong with a seed, and where', async () => {
    const response = await fetch(`${scene.standin.adminUrl}/standin/seed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ repositories: [{ name: 'app' }] }),
    });
    assert.equal(response.status, 400);
    assert.match(
      ((await response.json()) as { error: string }).error,
      /write owner\/name[\s\S]*repositories\[0\]\.name/,
    );
  });
});

import assert from 'node:assert/strict';
import { acme } from '#test/github/acme.ts';
import { type Api, GithubScene } from '#test/github/scene.ts';
import { waitFor } from '#test/wait.ts';

const ISSUES = '/repos/acme/app/issues';

describe('GitHub stand-in with faults', () => {
  let scene: GithubScene;
  let ada: Api;

  before(async () => {
    scene = await GithubScene.open(acme());
    ada = scene.as('token-of-ada');
  });

  afterEach(() => scene.clearFaults());
  after(() => scene[Symbol.asyncDispose]());

  const write = (title: string) => ada('POST', ISSUES, { body: { title } });
  const count = async (): Promise<number> => (await ada('GET', ISSUES)).body.length;

  it('says when the hour is spent, and when it begins again', async () => {
    await scene.fault({ kind: 'rate-limit', count: 1, status: 429 });
    assert.equal((await write('too much')).status, 429);
    await scene.fault({ kind: 'rate-limit', count: 1, resetInS: 30 });
    const { status, body, headers } = await write('too much');
    assert.equal(status, 403);
    assert.match(body.message, /^API rate limit exceeded/);
    assert.equal(headers.get('x-ratelimit-remaining'), '0');
    const waitS = Number(headers.get('x-ratelimit-reset')) - Date.parse(headers.get('date') ?? '') / 1000;
    assert.ok(waitS >= 29 && waitS <= 31, `${waitS} s`);
    assert.equal(await count(), 0);
  });

  it('slows down whoever asks too fast, in one place only if told so', async () => {
    await scene.fault({ kind: 'secondary-limit', retryAfterS: 7, method: 'POST', path: '/issues$' });
    const { status, body, headers } = await write('too fast');
    assert.deepEqual([status, headers.get('retry-after')], [403, '7']);
    assert.match(body.message, /secondary rate limit/);
    assert.notEqual(headers.get('x-ratelimit-remaining'), '0');
    assert.equal(await count(), 0);
  });

  it('fails, and has done nothing', async () => {
    await scene.fault({ kind: 'fail', status: 503, count: 1 });
    assert.equal((await write('never')).status, 503);
    assert.equal(await count(), 0);
  });

  it('breaks off after the write is done', async () => {
    await scene.fault({ kind: 'answer-lost', count: 1, method: 'POST' });
    await assert.rejects(write('done'));
    assert.equal(await count(), 1);
  });

  it('shows what was there before, until it is told to stop', async () => {
    await scene.fault({ kind: 'stale-read', path: '/issues' });
    await write('unseen');
    assert.equal(await count(), 1);
    await scene.clearFaults();
    assert.equal(await count(), 2);
  });

  it('holds a request before it takes effect, and after', async () => {
    for (const when of ['before', 'after'] as const) {
      const already = await count();
      await scene.fault({ kind: 'hold', when, method: 'POST' });
      const answer = write(`held ${when}`);
      await waitFor('it to be held', async () => {
        const { held } = await scene.admin('GET', '/standin/state');
        return (held as unknown[]).length === 1;
      });
      assert.equal(await count(), already + (when === 'after' ? 1 : 0));
      await scene.admin('POST', '/standin/release');
      assert.equal((await answer).status, 201);
      assert.equal(await count(), already + 1);
    }
  });

  it('is slow', async () => {
    await scene.fault({ kind: 'delay', ms: 150, count: 1 });
    const startedAt = performance.now();
    await count();
    // A timer may be a part of a millisecond early.
    assert.ok(performance.now() - startedAt >= 149);
  });

  it('remembers every request with who asked and how it ended', async () => {
    const { last } = await scene.admin('GET', '/standin/requests');
    await ada('GET', '/user');
    const { requests } = await scene.admin('GET', `/standin/requests?since=${last}`);
    assert.partialDeepStrictEqual(requests, [
      { method: 'GET', path: '/api/v3/user', user: 'ada', status: 200 },
    ]);
  });

  it('says what is wrong with a fault', async () => {
    await assert.rejects(
      scene.fault({ kind: 'delay', path: '/' }),
      /expected number, received undefined[\s\S]*ms/,
    );
  });
});

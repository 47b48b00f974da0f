import assert from 'node:assert/strict';
import { type Credentials, createGithubReader } from '#integrations/github/client.ts';
import { GithubError } from '#integrations/github/github-error.ts';
import { systemClock } from '#lib/clock.ts';
import { acmeSeed, acmeSettings } from '#test/github/house.ts';
import { GithubScene } from '#test/github/scene.ts';

const NEVER = new AbortController().signal;
const PAGE = { since: 0, page: 1 };
const ACCOUNT: Credentials = { token: 'token-bob' };

describe('what GitHub says to who reads it', () => {
  let github: GithubScene;
  before(async () => {
    github = await GithubScene.open(acmeSeed());
  });
  afterEach(() => github.clearFaults());
  after(() => github?.[Symbol.asyncDispose]());

  const readerOf = (credentials: Credentials, url = github.apiUrl) =>
    createGithubReader({ url, credentials, clock: systemClock });
  async function failureOf(work: Promise<unknown>): Promise<GithubError> {
    const error = await work.then(
      () => assert.fail('it was answered'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof GithubError, String(error));
    return error;
  }

  it('is the same to an App and to an account, and nothing new where the tag is known', async () => {
    const { settings, readerKey: privateKey } = acmeSettings(github);
    const { app = 0, installation = 0 } = settings.agents['athena'] ?? {};
    for (const credentials of [ACCOUNT, { app, installation, privateKey }]) {
      const reader = readerOf(credentials);
      const first = await reader.issues('acme/web', PAGE, NEVER);
      assert.deepEqual(first.kind === 'listed' && first.items, []);
      const etag = first.kind === 'listed' ? first.etag : undefined;
      assert.deepEqual(await reader.issues('acme/web', { ...PAGE, etag }, NEVER), { kind: 'unchanged' });
    }
  });

  it('is a sentence where there is no such thing, and where the token is wrong', async () => {
    const missing = await failureOf(readerOf(ACCOUNT).issues('acme/none', PAGE, NEVER));
    assert.equal(missing.code, 'github_not_found');
    assert.match(missing.message, /^GitHub was asked for issues of acme\/none and answered 404/);

    const wrong = await failureOf(readerOf({ token: 'wrong' }).issues('acme/web', PAGE, NEVER));
    assert.equal(wrong.code, 'github_unauthorized');
    assert.doesNotMatch(JSON.stringify(wrong), /wrong/);
  });

  it('is until when it takes no more; a short limit, and a failure, are waited for', async () => {
    await github.fault({ kind: 'rate-limit', resetInS: 600, count: 1 });
    const limited = await failureOf(readerOf(ACCOUNT).issues('acme/web', PAGE, NEVER));
    assert.equal(limited.code, 'github_limited');
    const inMs = (limited.until ?? 0) - Date.now();
    assert.ok(inMs > 500_000 && inMs < 700_000, String(inMs));

    await github.fault({ kind: 'secondary-limit', retryAfterS: 1, count: 1 });
    assert.equal((await readerOf(ACCOUNT).issues('acme/web', PAGE, NEVER)).kind, 'listed');
    await github.fault({ kind: 'fail', status: 503, count: 1 });
    assert.equal((await readerOf(ACCOUNT).issues('acme/web', PAGE, NEVER)).kind, 'listed');
  });

  it('is that it cannot be reached, and nothing once nobody waits any more', async () => {
    const away = await failureOf(readerOf(ACCOUNT, 'http://127.0.0.1:1').issues('acme/web', PAGE, NEVER));
    assert.equal(away.code, 'github_unavailable');

    await github.fault({ kind: 'hold', when: 'before' });
    const stopping = new AbortController();
    const asked = readerOf(ACCOUNT).issues('acme/web', PAGE, stopping.signal);
    stopping.abort(new Error('stopping'));
    await assert.rejects(asked, /stopping/);
    await github.admin('POST', '/standin/release');
  });
});

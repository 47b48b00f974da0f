import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { acme } from '#test/github/acme.ts';
import { type Api, type Git, GithubScene } from '#test/github/scene.ts';

const APP = '/repos/acme/app';

describe('GitHub stand-in with real git', () => {
  let scene: GithubScene;
  let ada: Api;
  let athena: Api;
  let git: Git;

  before(async () => {
    scene = await GithubScene.open(acme());
    ada = scene.as('token-of-ada');
    const token = await scene.installationToken('athena', 'acme');
    athena = scene.as(token);
    git = await scene.clone('acme/app', token);
  });

  after(() => scene[Symbol.asyncDispose]());

  /** A commit on a branch that starts at main, as it was last fetched. */
  async function branch(name: string, file: string, text: string): Promise<string> {
    await git('checkout', '-q', '-B', name, 'origin/main');
    await commit(file, text);
    return git('rev-parse', 'HEAD');
  }

  const push = (...branches: readonly string[]): Promise<string> =>
    git('push', '-q', '--force', 'origin', ...branches);

  async function commit(file: string, text: string): Promise<void> {
    await writeFile(path.join(git.dir, file), text);
    await git('add', file);
    await git('commit', '-q', '-m', `Change ${file}`);
  }

  async function open(head: string, base = 'main'): Promise<number> {
    const answer = await athena('POST', `${APP}/pulls`, { body: { title: head, head, base } });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.number;
  }

  /** What GitHub finds out when it is asked for a second time. */
  async function pull(number: number) {
    await ada('GET', `${APP}/pulls/${number}`);
    return (await ada('GET', `${APP}/pulls/${number}`)).body;
  }

  it('merges what it says it merges, and git sees it', async () => {
    const head = await branch('clean', 'clean.txt', 'clean\n');
    await push('clean');
    const number = await open('clean');
    const first = (await ada('GET', `${APP}/pulls/${number}`)).body;
    assert.deepEqual([first.mergeable, first.mergeable_state], [null, 'unknown']);
    const { mergeable, mergeable_state: state, commits, changed_files: files } = await pull(number);
    assert.deepEqual([mergeable, state, commits, files], [true, 'clean', 1, 1]);

    const merged = await athena('PUT', `${APP}/pulls/${number}/merge`, { body: { sha: head } });

    assert.equal(merged.status, 200);
    await git('fetch', '-q', 'origin');
    assert.equal(await git('rev-parse', 'origin/main'), merged.body.sha);
    assert.equal(await git('rev-parse', 'origin/main^2'), head);
    assert.equal(await git('show', 'origin/main:clean.txt'), 'clean');
    assert.equal(await git('show', '-s', '--format=%an', 'origin/main'), 'athena[bot]');
  });

  it('squashes, and rebases what stands on its base', async () => {
    await branch('squash', 'squash.txt', 'one\n');
    await commit('squash.txt', 'two\n');
    await git('checkout', '-q', '-b', 'rebase');
    await commit('rebase.txt', 'three\n');
    await push('squash', 'rebase');
    const merge = async (head: string, base: string) => {
      const where = `${APP}/pulls/${await open(head, base)}/merge`;
      const { status, body } = await athena('PUT', where, { body: { merge_method: head } });
      assert.equal(status, 200, JSON.stringify(body));
      return (await ada('GET', `${APP}/commits/${body.sha}`)).body;
    };

    const rebased = await merge('rebase', 'squash');
    const squashed = await merge('squash', 'main');

    assert.deepEqual([rebased.parents.length, rebased.commit.message], [1, 'Change rebase.txt']);
    assert.equal(rebased.commit.committer.name, 'athena[bot]');
    assert.deepEqual([squashed.parents.length, squashed.files.length], [1, 2]);
    assert.match(squashed.commit.message, /^squash \(#\d+\)/);
  });

  it('refuses what is in conflict, until a push mends it', async () => {
    const one = await branch('one', 'same.txt', 'one\n');
    const two = await branch('two', 'same.txt', 'two\n');
    await push('one', 'two');
    const [first, second] = [await open('one'), await open('two')];
    assert.equal((await athena('PUT', `${APP}/pulls/${first}/merge`, { body: { sha: one } })).status, 200);
    assert.equal((await pull(second)).mergeable_state, 'dirty');
    assert.equal((await athena('PUT', `${APP}/pulls/${second}/merge`, { body: { sha: two } })).status, 405);

    await git('fetch', '-q', 'origin');
    const mended = await branch('two', 'same.txt', 'both\n');
    await push('two');

    const { mergeable, head } = await pull(second);
    assert.deepEqual([mergeable, head.sha], [true, mended]);
    assert.equal((await athena('PUT', `${APP}/pulls/${second}/merge`, { body: { sha: two } })).status, 409);
    assert.equal(
      (await athena('PUT', `${APP}/pulls/${second}/merge`, { body: { sha: mended } })).status,
      200,
    );
  });

  it('shows force-pushes, and closes what has lost its branch', async () => {
    await branch('moving', 'moving.txt', 'one\n');
    await push('moving');
    const number = await open('moving');
    const forced = await branch('moving', 'moving.txt', 'two\n');
    await push('moving');
    assert.equal((await pull(number)).head.sha, forced);

    await git('push', '-q', 'origin', '--delete', 'moving');

    const { state, merged, head } = await pull(number);
    assert.deepEqual([state, merged, head.sha], ['closed', false, forced]);
    const events = (await ada('GET', `${APP}/issues/${number}/events`)).body;
    assert.deepEqual(
      events.map(({ event }: { event: string }) => event),
      ['head_ref_force_pushed', 'head_ref_deleted', 'closed'],
    );
    assert.equal((await athena('PATCH', `${APP}/pulls/${number}`, { body: { state: 'open' } })).status, 422);
    // What was proposed can still be had.
    await git('fetch', '-q', 'origin', `refs/pull/${number}/head`);
    assert.equal(await git('rev-parse', 'FETCH_HEAD'), forced);
  });

  it('takes a pull request for merged when somebody pushes it into the base', async () => {
    await git('fetch', '-q', 'origin');
    await branch('by-hand', 'by-hand.txt', 'x\n');
    await push('by-hand');
    const number = await open('by-hand');
    await git('push', '-q', 'origin', 'by-hand:main');
    assert.equal((await pull(number)).merged, true);
  });

  it('obeys the rules of a protected branch', async () => {
    const { sha } = (await ada('GET', `${APP}/git/ref/heads/main`)).body.object;
    await ada('POST', `${APP}/git/refs`, { body: { ref: 'refs/heads/release', sha } });
    await git('fetch', '-q', 'origin');
    await branch('for-release', 'release.txt', 'x\n');
    await push('for-release');
    const number = await open('for-release', 'release');
    const merge = (): ReturnType<Api> => ada('PUT', `${APP}/pulls/${number}/merge`);

    const refused = await merge();
    assert.equal(refused.status, 405);
    assert.match(refused.body.message, /At least 1 approving review is required/);
    assert.equal((await pull(number)).mergeable_state, 'blocked');

    await scene.as('token-of-mia')('POST', `${APP}/pulls/${number}/reviews`, { body: { event: 'APPROVE' } });
    assert.equal((await merge()).status, 200);
  });

  it('lets nobody push but who may', async () => {
    const other = await scene.installationToken('athena', 'acme', { repositories: ['other'] });
    const reader = await scene.installationToken('athena', 'acme', { permissions: { contents: 'read' } });
    const ask = async (repo: string, token?: string, service = 'receive'): Promise<number> => {
      const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
      const response = await fetch(`${scene.remote(repo)}/info/refs?service=git-${service}-pack`, {
        headers: token === undefined ? {} : { authorization: `Basic ${basic}` },
      });
      await response.body?.cancel();
      return response.status;
    };

    assert.equal(await ask('acme/app', 'token-of-eve'), 404);
    assert.equal(await ask('acme/app', other), 404);
    assert.equal(await ask('acme/app', reader), 403);
    assert.equal(await ask('acme/app', 'token-of-bob'), 403);
    assert.equal(await ask('acme/app', 'no-such-token'), 401);
    assert.equal(await ask('acme/open'), 401);
    assert.equal(await ask('acme/open', undefined, 'upload'), 200);
    assert.equal(await ask('acme/app', reader, 'upload'), 200);
    await assert.rejects(git('push', '-q', scene.remote('acme/app', reader), 'HEAD:refs/heads/no'), /403/);
  });

  it('takes a first push into an empty repository', async () => {
    assert.equal((await ada('GET', '/repos/acme/empty/commits')).status, 409);
    await git('push', '-q', scene.remote('acme/empty', 'token-of-ada'), 'HEAD:refs/heads/main');
    assert.equal((await ada('GET', '/repos/acme/empty/commits')).status, 200);
  });

  it('takes pull requests from forks', async () => {
    const work = await scene.clone('eve/open', 'token-of-eve', 'fork');
    await work('checkout', '-q', '-b', 'gift');
    await work('commit', '-q', '--allow-empty', '-m', 'A gift');
    await work('push', '-q', 'origin', 'gift');
    const draft = { title: 'A gift', head: 'eve:gift', base: 'main' };

    const { status, body } = await scene.as('token-of-eve')('POST', '/repos/acme/open/pulls', {
      body: draft,
    });

    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual([body.head.label, body.author_association], ['eve:gift', 'NONE']);
    const merged = await ada('PUT', `/repos/acme/open/pulls/${body.number}/merge`);
    assert.equal(merged.status, 200, JSON.stringify(merged.body));
  });

  it('shows binary files, submodules and renames, and no diff that is too long', async () => {
    await git('checkout', '-q', '-B', 'odd', 'origin/main');
    await git('mv', 'README.md', 'READ.md');
    const commitOfOther = await git('rev-parse', 'HEAD');
    await git('update-index', '--add', '--cacheinfo', `160000,${commitOfOther},module`);
    await writeFile(path.join(git.dir, 'blob'), Buffer.from([0, 1, 2, 0]));
    await git('add', 'blob');
    await commit('long.txt', 'line\n'.repeat(20_001));
    await git('push', '-q', 'origin', 'odd');
    const number = await open('odd');

    const files = (await ada('GET', `${APP}/pulls/${number}/files`)).body;

    const shown = files.map((file: { filename: string; status: string; patch?: string }) => [
      file.filename,
      file.status,
      file.patch === undefined ? 'no patch' : 'patch',
    ]);
    assert.deepEqual(shown, [
      ['READ.md', 'renamed', 'no patch'],
      ['blob', 'added', 'no patch'],
      ['long.txt', 'added', 'no patch'],
      ['module', 'added', 'patch'],
    ]);
    const headers = { accept: 'application/vnd.github.diff' };
    const diff = await ada('GET', `${APP}/pulls/${number}`, { headers });
    assert.deepEqual([diff.status, diff.body.errors[0].code], [406, 'too_large']);
  });
});

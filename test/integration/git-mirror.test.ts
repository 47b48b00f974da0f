import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { BundleRefused, GITLINK, Mirror } from '#integrations/git/mirror.ts';
import { GitError } from '#integrations/git/run.ts';
import { newNonce } from '#lib/id.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const exec = promisify(execFile);
const WHO = {
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'apollo@example.com',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'apollo@example.com',
};

/** Real repositories: what stands for GitHub's, the one in which an agent works, and ours between them. */
describe('commits of an agent', () => {
  let dir: TempDir;
  let mirror: Mirror;
  let call: { readonly token: string; readonly signal: AbortSignal };
  let signal: AbortSignal;
  const at = (...names: string[]): string => path.join(dir.path, ...names);
  const git = async (where: string, ...args: string[]): Promise<string> => {
    const env = { PATH: process.env['PATH'], HOME: dir.path, ...WHO };
    const { stdout } = await exec('git', ['-c', 'init.defaultBranch=main', ...args], { cwd: at(where), env });
    return stdout.trim();
  };
  const commit = async (file: string, text: string): Promise<string> => {
    await mkdir(path.dirname(at('work', file)), { recursive: true });
    await writeFile(at('work', file), text);
    await git('work', 'add', '--all');
    await git('work', 'commit', '--quiet', '--message', `Write ${file}`);
    return git('work', 'rev-parse', 'HEAD');
  };
  const take = (file: string) => mirror.take(file, at(`incoming-${newNonce()}`), signal);
  const bundle = async (...refs: string[]): Promise<string> => {
    await git('work', 'bundle', 'create', '--quiet', at('handed-in'), ...refs);
    return at('handed-in');
  };

  beforeEach(async () => {
    signal = AbortSignal.timeout(60_000);
    call = { token: 'not-needed-for-a-folder', signal };
    dir = await tempDir('git-mirror');
    for (const name of ['upstream', 'work']) await mkdir(at(name));
    await git('upstream', 'init', '--quiet', '--bare');
    await git('work', 'init', '--quiet');
    await commit('README.md', 'a start\n');
    await git('work', 'push', '--quiet', at('upstream'), 'HEAD:main');
    mirror = new Mirror({ dir: at('mirrors', 'acme', 'web.git'), url: `file://${at('upstream')}` });
    await mirror.refresh(call);
    await git('work', 'checkout', '--quiet', '-b', 'fix');
  });
  afterEach(async () => {
    await dir?.[Symbol.asyncDispose]();
  });

  it('come in as a bundle, are looked at, and go out as a branch', async () => {
    const sha = await commit('src/a.ts', 'export {};\n');

    await using incoming = await take(await bundle('main..fix'));
    await mirror.push(incoming, { branch: 'agent/apollo/fix', expected: undefined }, call);

    const by = WHO.GIT_AUTHOR_EMAIL;
    assert.deepEqual(incoming.commits, [{ sha, author: by, committer: by }]);
    assert.deepEqual(incoming.files, [{ path: 'src/a.ts', mode: '100644' }]);
    assert.equal(incoming.base, await git('upstream', 'rev-parse', 'main'));
    assert.equal(await git('upstream', 'rev-parse', 'agent/apollo/fix'), sha);
  });

  it('begin with all that the repository has', async () => {
    await mirror.writeBundle(at('clone.bundle'), signal);

    await git('.', 'clone', '--quiet', at('clone.bundle'), at('clone'));

    assert.equal(await git('clone', 'symbolic-ref', 'HEAD'), 'refs/heads/main');
    assert.equal(await git('clone', 'rev-parse', 'HEAD'), await git('upstream', 'rev-parse', 'main'));
  });

  it('go on after a git that was killed, whose locks nobody takes away', async () => {
    const dirOf = at('mirrors', 'acme', 'web.git');
    const left = ['HEAD.lock', 'packed-refs.lock', 'refs/heads/main.lock', 'objects/pack/tmp_pack_x'];
    for (const name of left) await writeFile(path.join(dirOf, name), '');
    await git('upstream', 'branch', '-m', 'main', 'other');
    await git('upstream', 'symbolic-ref', 'HEAD', 'refs/heads/other');
    await assert.rejects(mirror.refresh(call), GitError);

    await mirror.clearUp();
    await mirror.refresh(call);

    assert.equal(await mirror.branch('main', signal), undefined);
    assert.deepEqual(
      left.filter((name) => existsSync(path.join(dirOf, name))),
      [],
    );
  });

  it('come with nothing that runs here', async () => {
    const canary = at('canary');
    const program = at('run-me');
    await writeFile(program, `#!/bin/sh\ntouch '${canary}'\n`);
    await chmod(program, 0o755);
    for (const hook of ['post-checkout', 'reference-transaction', 'pre-push', 'pre-receive', 'post-merge']) {
      await writeFile(at('work/.git/hooks', hook), `#!/bin/sh\ntouch '${canary}'\n`);
      await chmod(at('work/.git/hooks', hook), 0o755);
    }
    await commit('.gitattributes', '* filter=evil diff=evil\n');
    for (const key of [
      'core.fsmonitor',
      'filter.evil.smudge',
      'filter.evil.clean',
      'diff.evil.textconv',
      'diff.evil.command',
    ]) {
      await git('work', 'config', key, program);
    }
    const file = await bundle('main..fix');
    await rm(canary, { force: true });

    await using incoming = await take(file);
    await mirror.push(incoming, { branch: 'agent/apollo/evil', expected: undefined }, call);
    await mirror.refresh(call);

    assert.ok(!existsSync(canary), 'something of the agent has run');
  });

  it('are refused with a folder .git among their files', async () => {
    const blob = await git('work', 'hash-object', '-w', 'README.md');
    const entry = Buffer.concat([Buffer.from('100755 config\0'), Buffer.from(blob, 'hex')]);
    const inner = await writeTree(entry);
    const tree = await writeTree(Buffer.concat([Buffer.from('40000 .git\0'), Buffer.from(inner, 'hex')]));
    const sha = await git('work', 'commit-tree', tree, '-p', 'HEAD', '-m', 'evil');
    await git('work', 'branch', 'evil', sha);

    await assert.rejects(take(await bundle('main..evil')), (error: Error) => {
      assert.ok(error instanceof BundleRefused);
      assert.match(error.message, /hasDotgit|fsck|contains '\.git'/);
      return true;
    });

    async function writeTree(content: Buffer): Promise<string> {
      await writeFile(at('tree'), content);
      return git('work', 'hash-object', '-t', 'tree', '-w', '--literally', at('tree'));
    }
  });

  it('show a submodule for what it is', async () => {
    const other = await git('work', 'rev-parse', 'main');
    await git('work', 'update-index', '--add', '--cacheinfo', `${GITLINK},${other},vendor/it`);
    await git('work', 'commit', '--quiet', '--message', 'A submodule');

    await using incoming = await take(await bundle('main..fix'));

    assert.deepEqual(incoming.files, [{ path: 'vendor/it', mode: GITLINK }]);
  });

  it('are refused where the bundle is none, has several branches, or comes from elsewhere', async () => {
    await writeFile(at('no-bundle'), 'hello');
    await commit('a', 'a');
    await git('work', 'branch', 'second', 'HEAD');
    await git('work', 'checkout', '--quiet', '--orphan', 'elsewhere');
    await commit('b', 'b');

    for (const [file, sentence] of [
      [at('no-bundle'), /cannot be read/],
      [await bundleAs('two', 'main..fix', 'second'), /exactly one branch/],
      [await bundleAs('other', 'elsewhere'), /does not come from this repository/],
      [await bundleAs('head', 'HEAD'), /exactly one branch/],
    ] as const) {
      await assert.rejects(take(file), (error: Error) => {
        assert.ok(error instanceof BundleRefused, String(error));
        assert.match(error.message, sentence);
        return true;
      });
    }

    async function bundleAs(name: string, ...refs: string[]): Promise<string> {
      await git('work', 'bundle', 'create', '--quiet', at(name), ...refs);
      return at(name);
    }
  });

  it('are not pushed over what somebody else has pushed there', async () => {
    const sha = await commit('a', 'a');
    await using incoming = await take(await bundle('main..fix'));
    await git('upstream', 'branch', 'agent/apollo/fix', 'main');

    const push = mirror.push(incoming, { branch: 'agent/apollo/fix', expected: undefined }, call);

    await assert.rejects(
      push,
      (error) => error instanceof GitError && /stale info|rejected/.test(error.stderr),
    );
    assert.notEqual(await git('upstream', 'rev-parse', 'agent/apollo/fix'), sha);
  });
});

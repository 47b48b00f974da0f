import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { GitError, type GitOptions, git } from './run.ts';

export interface MirrorOptions {
  /** Where it lies; ours alone. */
  readonly dir: string;
  /** Where the repository is cloned from, over HTTP. */
  readonly url: string;
}

/** Commits that came in a bundle, on top of what the repository has; they lie by themselves until this is disposed of. */
export interface Incoming extends AsyncDisposable {
  readonly sha: string;
  /** The repository in which they lie. */
  readonly dir: string;
  /** Where it leaves what the repository has. */
  readonly base: string;
  readonly commits: readonly { readonly sha: string; readonly author: string; readonly committer: string }[];
  /** Paths that differ from the base, with the mode that each has now: `000000` where it is gone. */
  readonly files: readonly { readonly path: string; readonly mode: string }[];
}

/** What is in the bundle cannot be taken; the message says why. */
export class BundleRefused extends Error {}

interface Call {
  readonly token: string;
  readonly signal: AbortSignal;
}

const COMMITS_LIMIT = 500;
const FILES_LIMIT = 3000;
const HEADER_LIMIT = 1024 * 1024;
/** Of a commit of another repository, in `git ls-tree` and `git diff --raw`. */
export const GITLINK = '160000';

/**
 * A bare repository of ours that has what a repository at GitHub has, by which commits come and go: what an agent hands
 * in as a bundle is looked at here, and pushed from here. Nobody else writes into it, and no hook of it runs.
 */
export class Mirror {
  readonly #dir: string;
  readonly #url: string;

  constructor({ dir, url }: MirrorOptions) {
    this.#dir = dir;
    this.#url = url;
  }

  /** Brings all branches; the first time it makes the repository. May be cut off and called again. */
  async refresh({ token, signal }: Call): Promise<void> {
    if (!existsSync(this.#dir)) {
      const unfinished = `${this.#dir}.new`;
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(path.dirname(unfinished), { recursive: true, mode: 0o700 });
      await git(['init', '--quiet', '--bare', '--template=', unfinished], { gitDir: unfinished, signal });
      await rename(unfinished, this.#dir);
    }
    await this.#git(
      [
        'fetch',
        '--quiet',
        '--no-tags',
        '--prune',
        '--no-recurse-submodules',
        this.#url,
        '+refs/heads/*:refs/heads/*',
      ],
      signal,
      token,
    );
    const refs = await this.#git(['ls-remote', '--symref', this.#url, 'HEAD'], signal, token);
    const head = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(refs)?.[1];
    if (head) await this.#git(['symbolic-ref', 'HEAD', head], signal);
  }

  /** Takes away what a git that was killed has left; only while none is at work here. */
  async clearUp(): Promise<void> {
    if (!existsSync(this.#dir)) return;
    for (const name of await readdir(this.#dir, { recursive: true })) {
      if (/\.lock$|^objects\/.*\/?tmp_[^/]*$/.test(name))
        await rm(path.join(this.#dir, name), { force: true });
    }
  }

  /** Writes all branches into a file that `git clone` takes. Throws a BundleRefused for a repository without a commit. */
  async writeBundle(file: string, signal: AbortSignal): Promise<void> {
    const branches = await this.#git(['for-each-ref', '--count=1', 'refs/heads/'], signal);
    if (branches === '') throw new BundleRefused('the repository is empty: there is no commit in it yet');
    await this.#git(['bundle', 'create', '--quiet', file, '--branches', 'HEAD'], signal);
  }

  /**
   * Takes the one branch that a bundle has, checked object by object, and says what is new about it. Nothing of it comes
   * into this repository: it lies in one of its own, made at `dir`, which borrows from this one.
   */
  async take(file: string, dir: string, signal: AbortSignal): Promise<Incoming> {
    const drop = () => rm(dir, { recursive: true, force: true });
    try {
      await this.#git(
        ['clone', '--quiet', '--bare', '--shared', '--no-tags', '--template=', this.#dir, dir],
        signal,
      );
      const sha = await unpack(file, { gitDir: dir, signal });
      return { dir, sha, ...(await inspect(sha, { gitDir: dir, signal })), [Symbol.asyncDispose]: drop };
    } catch (error) {
      await drop();
      throw error;
    }
  }

  /** Where a branch is, as far as the last refresh knows. */
  async branch(name: string, signal: AbortSignal): Promise<string | undefined> {
    const found = await this.#git(['for-each-ref', '--format=%(objectname)', `refs/heads/${name}`], signal);
    return found.trim() || undefined;
  }

  /** Puts a branch at what came, if it is where it was expected: undefined for one that is not there. Rejects with a GitError otherwise. */
  async push(
    { dir, sha }: Pick<Incoming, 'dir' | 'sha'>,
    { branch, expected }: { readonly branch: string; readonly expected: string | undefined },
    { token, signal }: Call,
  ): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const lease = `--force-with-lease=${ref}:${expected ?? ''}`;
    const args = [
      'push',
      '--quiet',
      '--no-verify',
      '--no-recurse-submodules',
      lease,
      this.#url,
      `${sha}:${ref}`,
    ];
    await git(args, { gitDir: dir, signal, token: this.#tokenOf(token) });
  }

  #git(args: readonly string[], signal: AbortSignal, token?: string): Promise<string> {
    return git(args, { gitDir: this.#dir, signal, token: token ? this.#tokenOf(token) : undefined });
  }

  #tokenOf(value: string): GitOptions['token'] {
    return { value, for: new URL('/', this.#url).href };
  }
}

/** Whether everything that `older` has is in what came too. */
export async function contains({ dir, sha }: Incoming, older: string, signal: AbortSignal): Promise<boolean> {
  try {
    await git(['merge-base', '--is-ancestor', older, sha], { gitDir: dir, signal });
    return true;
  } catch (error) {
    if (error instanceof GitError) return false;
    throw error;
  }
}

/** Puts what is in a bundle into a repository, and answers with the commit of its branch. */
async function unpack(file: string, options: GitOptions): Promise<string> {
  await readBundle(['bundle', 'verify', '--quiet', file], options);
  const heads = await readBundle(['bundle', 'list-heads', file], options);
  const [[sha = '', ref = ''] = [], ...others] = linesOf(heads).map((line) => line.split(' '));
  if (others.length > 0 || !ref.startsWith('refs/heads/')) {
    throw new BundleRefused(
      'a bundle has to have exactly one branch: make it with git bundle create <file> <base>..<branch>',
    );
  }
  // By hand: `git fetch` of Git 2.39 checks nothing of what is in a bundle, whatever its settings.
  const input = { file, start: await packStart(file) };
  await readBundle(['index-pack', '--stdin', '--fix-thin', '--strict', '--fsck-objects'], {
    ...options,
    input,
  });
  await readBundle(['rev-list', '--quiet', '--objects', sha, '--not', '--branches'], options);
  return sha;
}

async function inspect(
  sha: string,
  options: GitOptions,
): Promise<Pick<Incoming, 'base' | 'commits' | 'files'>> {
  const format = '--format=%H%x00%ae%x00%ce';
  const most = `--max-count=${COMMITS_LIMIT + 1}`;
  const log = await git(
    ['rev-list', '--no-commit-header', format, most, sha, '--not', '--branches'],
    options,
  );
  const commits = linesOf(log).map((line) => {
    const [id = '', author = '', committer = ''] = line.split('\0');
    return { sha: id, author, committer };
  });
  if (commits.length > COMMITS_LIMIT)
    throw new BundleRefused(`there are more than ${COMMITS_LIMIT} commits in it`);
  const base = await baseOf(sha, options);
  const shape = ['--raw', '-z', '--no-renames', '--no-ext-diff', '--no-textconv'];
  const raw = await git(['diff', ...shape, base, sha], options);
  const files = [...raw.matchAll(/:\d{6} (\d{6}) \S+ \S+ \w\0([^\0]+)\0/g)].map(
    ([, mode = '', name = '']) => ({ path: name, mode }),
  );
  if (files.length > FILES_LIMIT)
    throw new BundleRefused(`it changes ${files.length} files, and may change ${FILES_LIMIT}`);
  return { base, commits, files };
}

async function baseOf(sha: string, options: GitOptions): Promise<string> {
  try {
    return (await git(['merge-base', sha, 'HEAD'], options)).trim();
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new BundleRefused('it does not come from this repository: nothing in it is there');
  }
}

async function readBundle(args: readonly string[], options: GitOptions): Promise<string> {
  try {
    return await git(args, options);
  } catch (error) {
    if (error instanceof GitError) throw new BundleRefused(`the bundle cannot be read: ${error.message}`);
    throw error;
  }
}

/** Where the pack begins in a bundle: after the first empty line. https://git-scm.com/docs/gitformat-bundle */
async function packStart(file: string): Promise<number> {
  await using bundle = await open(file);
  const { buffer, bytesRead } = await bundle.read(Buffer.alloc(HEADER_LIMIT), 0, HEADER_LIMIT, 0);
  const end = buffer.subarray(0, bytesRead).indexOf('\n\n');
  if (end < 0) throw new BundleRefused('the bundle cannot be read: its head does not end');
  return end + 2;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter(Boolean);
}

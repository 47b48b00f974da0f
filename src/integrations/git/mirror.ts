import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { GitError, type GitOptions, git } from './run.ts';

export interface MirrorOptions {
  /** Where it lies; ours alone. */
  readonly dir: string;
  /** Where the repository is cloned from, over HTTP. */
  readonly url: string;
}

/** Commits that came in a bundle, on top of what the repository has. */
export interface Incoming {
  readonly sha: string;
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

  /** Writes all branches into a file that `git clone` takes. Throws a BundleRefused for a repository without a commit. */
  async writeBundle(file: string, signal: AbortSignal): Promise<void> {
    const branches = await this.#git(['for-each-ref', '--count=1', 'refs/heads/'], signal);
    if (branches === '') throw new BundleRefused('the repository is empty: there is no commit in it yet');
    await this.#git(['bundle', 'create', '--quiet', file, '--branches', 'HEAD'], signal);
  }

  /** Takes the one branch that a bundle has, checked object by object, and says what is new about it. */
  async take(file: string, signal: AbortSignal): Promise<Incoming> {
    await this.#bundle(['bundle', 'verify', '--quiet', file], signal);
    const heads = await this.#bundle(['bundle', 'list-heads', file], signal);
    const [[sha = '', ref = ''] = [], ...others] = linesOf(heads).map((line) => line.split(' '));
    if (others.length > 0 || !ref.startsWith('refs/heads/')) {
      throw new BundleRefused(
        'a bundle has to have exactly one branch: make it with git bundle create <file> <base>..<branch>',
      );
    }
    // By hand: `git fetch` of Git 2.39 checks nothing of what is in a bundle, whatever its settings.
    const input = { file, start: await packStart(file) };
    await this.#bundle(['index-pack', '--stdin', '--fix-thin', '--strict', '--fsck-objects'], signal, input);
    await this.#bundle(['rev-list', '--quiet', '--objects', sha, '--not', '--branches'], signal);
    await this.#git(['update-ref', `refs/incoming/${sha}`, sha], signal);
    return this.#inspect(sha, signal);
  }

  /** Where a branch is, as far as the last refresh knows. */
  async branch(name: string, signal: AbortSignal): Promise<string | undefined> {
    const found = await this.#git(['for-each-ref', '--format=%(objectname)', `refs/heads/${name}`], signal);
    return found.trim() || undefined;
  }

  /** Whether everything that `older` has is in `newer` too. */
  async contains(newer: string, older: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#git(['merge-base', '--is-ancestor', older, newer], signal);
      return true;
    } catch (error) {
      if (error instanceof GitError) return false;
      throw error;
    }
  }

  /** Puts a branch at a commit, if it is where it was expected: undefined for one that is not there. Rejects with a GitError otherwise. */
  async push(
    {
      branch,
      sha,
      expected,
    }: { readonly branch: string; readonly sha: string; readonly expected: string | undefined },
    { token, signal }: Call,
  ): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const lease = `--force-with-lease=${ref}:${expected ?? ''}`;
    await this.#git(
      ['push', '--quiet', '--no-verify', '--no-recurse-submodules', lease, this.#url, `${sha}:${ref}`],
      signal,
      token,
    );
  }

  async #inspect(sha: string, signal: AbortSignal): Promise<Incoming> {
    const log = await this.#git(
      [
        'rev-list',
        '--no-commit-header',
        '--format=%H%x00%ae%x00%ce',
        `--max-count=${COMMITS_LIMIT + 1}`,
        sha,
        '--not',
        '--branches',
      ],
      signal,
    );
    const commits = linesOf(log).map((line) => {
      const [id = '', author = '', committer = ''] = line.split('\0');
      return { sha: id, author, committer };
    });
    if (commits.length > COMMITS_LIMIT)
      throw new BundleRefused(`there are more than ${COMMITS_LIMIT} commits in it`);
    const base = await this.#baseOf(sha, signal);
    const raw = await this.#git(
      ['diff', '--raw', '-z', '--no-renames', '--no-ext-diff', '--no-textconv', base, sha],
      signal,
    );
    const files = [...raw.matchAll(/:\d{6} (\d{6}) \S+ \S+ \w\0([^\0]+)\0/g)].map(
      ([, mode = '', name = '']) => ({
        path: name,
        mode,
      }),
    );
    if (files.length > FILES_LIMIT)
      throw new BundleRefused(`it changes ${files.length} files, and may change ${FILES_LIMIT}`);
    return { sha, base, commits, files };
  }

  async #baseOf(sha: string, signal: AbortSignal): Promise<string> {
    try {
      return (await this.#git(['merge-base', sha, 'HEAD'], signal)).trim();
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      throw new BundleRefused('it does not come from this repository: nothing in it is there');
    }
  }

  async #bundle(args: readonly string[], signal: AbortSignal, input?: GitOptions['input']): Promise<string> {
    try {
      return await git(args, { gitDir: this.#dir, signal, input });
    } catch (error) {
      if (error instanceof GitError) throw new BundleRefused(`the bundle cannot be read: ${error.message}`);
      throw error;
    }
  }

  #git(args: readonly string[], signal: AbortSignal, token?: string): Promise<string> {
    const origin = new URL('/', this.#url).href;
    return git(args, { gitDir: this.#dir, signal, token: token ? { value: token, for: origin } : undefined });
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

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { git, tryGit } from './run.ts';

/** As on GitHub: pull request refs are read, never pushed; any object can be asked for. */
const CONFIG = `[core]
  repositoryformatversion = 0
  bare = true
[http]
  receivepack = true
[receive]
  hideRefs = refs/pull
  autogc = false
[uploadpack]
  allowAnySHA1InWant = true
[maintenance]
  auto = false
`;

/** The bare repositories, one folder each, in a temporary folder that goes with the server. */
export class BareRepos {
  #root = '';
  readonly #busy = new Map<number, Promise<unknown>>();

  async start(): Promise<void> {
    this.#root = await mkdtemp(path.join(tmpdir(), 'github-standin-'));
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#busy.values());
    if (this.#root !== '') await rm(this.#root, { recursive: true, force: true });
  }

  get root(): string {
    return this.#root;
  }

  dir(repoId: number): string {
    return path.join(this.#root, `${repoId}.git`);
  }

  /** Makes an empty repository, or a copy of the one at `from`. */
  async create(repoId: number, defaultBranch: string, from?: string): Promise<void> {
    const dir = this.dir(repoId);
    // What `git init` would make, without a process for it: a seed has many.
    for (const folder of ['objects', 'refs/heads']) await mkdir(path.join(dir, folder), { recursive: true });
    await writeFile(path.join(dir, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`);
    await writeFile(path.join(dir, 'config'), CONFIG);
    if (from !== undefined) {
      await git(dir, ['fetch', '-q', from, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']);
    }
  }

  /** Puts files on a branch as its first commit. */
  async commitFiles(repoId: number, branch: string, files: Readonly<Record<string, string>>): Promise<void> {
    const written = Object.entries(files).map(
      ([name, text]) => `M 100644 inline ${JSON.stringify(name)}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
    );
    const message = 'Initial commit';
    const input = [
      `commit refs/heads/${branch}\n`,
      'committer GitHub <noreply@github.com> 1767225600 +0000\n',
      `data ${message.length}\n${message}\n`,
      ...written,
    ].join('');
    await git(this.dir(repoId), ['fast-import', '--quiet'], { input });
  }

  /** Branches, tags and pull request heads with their commits. */
  async refs(repoId: number): Promise<Map<string, string>> {
    const text = await git(this.dir(repoId), ['for-each-ref', '--format=%(refname) %(objectname)']);
    const lines = text.split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => line.split(' ') as [string, string]));
  }

  /** The commit of a branch, a tag or a (short) SHA; undefined when there is none. */
  async resolve(repoId: number, revision: string): Promise<string | undefined> {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
    const { code, text } = await tryGit(this.dir(repoId), args);
    return code === 0 ? text.trim() : undefined;
  }

  /** Runs what changes refs of a repository after everything else that does. */
  async exclusively<T>(repoId: number, change: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(repoId) ?? Promise.resolve();
    const mine = before.then(change, change);
    this.#busy.set(
      repoId,
      mine.catch(() => undefined),
    );
    return mine;
  }
}

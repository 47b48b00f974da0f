import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { CloneRequest, PushRequest, SocketReply } from '#core/action-socket.ts';
import { messageOf } from '#core/errors.ts';
import { branchOf, pushOf } from '#core/github-action.ts';
import { cloneUrlOf, commitEmailOf } from '#core/github-address.ts';
import { BundleRefused, contains, GITLINK, type Incoming, Mirror } from '#integrations/git/mirror.ts';
import { GitError } from '#integrations/git/run.ts';
import { refusePushTo } from '#integrations/github/write.ts';
import { WriteRefused, type Written } from '#integrations/github/write-tools.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import { newNonce } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import type { Answer } from './action-server.ts';
import type { Deed, Writing } from './writing.ts';

export interface CodeWorkOptions {
  readonly agent: string;
  /** Where repositories are mirrored; ours alone. */
  readonly dir: string;
  /** Where what comes and goes lies meanwhile; ours alone, and emptied at each start. */
  readonly outDir: string;
  readonly writing: Pick<Writing, 'once' | 'readAccess'>;
  readonly log: Logger;
  readonly clock: Clock;
}

const WITHIN_MS = 240_000;
/** The first time all of the repository is fetched. */
const FIRST_WITHIN_MS = 1_200_000;
/** What says what GitHub runs with the rights of the repository, or who has to agree there: a person changes that. */
const GOVERNS = /^\.github\/(workflows|actions)\/|(^|\/)(action\.ya?ml|CODEOWNERS)$/i;

/**
 * Brings turns the code of repositories, and takes their commits: both as bundles, so that git never runs where an agent
 * can write, and the agent needs nothing that opens the repository. One repository is worked on by one at a time.
 */
export class CodeWork {
  readonly #options: CodeWorkOptions;
  readonly #last = new Map<string, Promise<unknown>>();
  /** Those that this process has fetched. */
  readonly #fetched = new Set<string>();

  constructor(options: CodeWorkOptions) {
    this.#options = options;
  }

  /** A bundle of all branches, or why there is none. Rejects only when `signal` aborts. */
  clone({ task, repo }: CloneRequest, signal: AbortSignal): Promise<Answer> {
    return this.#sayingWhy(signal, () =>
      this.#alone(repo, signal, async (within) => {
        const { mirror, email } = await this.#fresh(task, repo, within);
        const file = path.join(this.#options.outDir, newNonce());
        try {
          await mirror.writeBundle(file, within);
          const { size } = await stat(file);
          return { reply: { kind: 'bundle', size, email, name: this.#options.agent }, file };
        } catch (error) {
          await rm(file, { force: true });
          throw error;
        }
      }),
    );
  }

  /** Where the branch is, what people say to it, or why it is not pushed. Rejects only when `signal` aborts. */
  push(request: PushRequest, bundle: string, signal: AbortSignal): Promise<Answer> {
    const { task, repo, slug, summary } = request;
    const { clock } = this.#options;
    const branch = branchOf(this.#options.agent, slug);
    return this.#sayingWhy(signal, async () => {
      const { mirror, email, url } = await this.#alone(repo, signal, (within) =>
        this.#fresh(task, repo, within),
      );
      await using incoming = await this.#alone(repo, signal, (within) =>
        mirror.take(bundle, path.join(this.#options.outDir, newNonce()), within),
      );
      const { sha, base, commits } = incoming;
      const page = `${cloneUrlOf(url, repo).replace(/\.git$/, '')}/tree/${branch}`;
      const expected = await mirror.branch(branch, signal);
      if (expected === sha) return { kind: 'written', url: page, already: true } as const;
      refuseWrong(incoming, email);
      if (expected && !(await contains(incoming, expected, signal))) {
        throw new BundleRefused(
          `${branch} has commits that yours lack, and nothing is pushed over them: fetch it again and begin from there, or take another --slug`,
        );
      }
      const files = incoming.files.map((each) => each.path);
      const action = pushOf({ repo, branch, sha, base, commits: commits.length, files });
      const perform: Deed['perform'] = (access, _tries, within) =>
        this.#alone(repo, within, async (until) => {
          await refusePushTo({ repo, branch }, { ...access, clock, signal: until });
          return put({ mirror, incoming, branch, expected, page }, { token: access.token, signal: until });
        });
      return await this.#options.writing.once({ task, action, summary, perform }, signal);
    });
  }

  async #fresh(task: string, repo: string, signal: AbortSignal) {
    const { dir, writing } = this.#options;
    const { url, token, login } = await writing.readAccess(task, repo, signal);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const at = path.join(dir, `${repo.toLowerCase()}.git`);
    const mirror = new Mirror({ dir: at, url: cloneUrlOf(url, repo) });
    if (!this.#fetched.has(repo.toLowerCase())) await mirror.clearUp();
    await mirror.refresh({ token, signal });
    this.#fetched.add(repo.toLowerCase());
    return { mirror, url, email: commitEmailOf(url, login) };
  }

  /** One after another for each repository, each within its time. */
  async #alone<T>(repo: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const key = repo.toLowerCase();
    const before = this.#last.get(key) ?? Promise.resolve();
    const done = before.then(() => {
      const withinMs = this.#fetched.has(key) ? WITHIN_MS : FIRST_WITHIN_MS;
      return withDeadline(`git for ${repo}`, withinMs, signal, work);
    });
    this.#last.set(
      key,
      done.catch(() => undefined),
    );
    return done;
  }

  async #sayingWhy(signal: AbortSignal, work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      this.#options.log.warn({ reason: messageOf(error) }, 'no code comes or goes');
      const isRefusal = error instanceof BundleRefused || error instanceof WriteRefused;
      return refused(isRefusal ? error.message : `the repository cannot be reached: ${messageOf(error)}`);
    }
  }
}

/** Pushes, unless an attempt before has. */
async function put(
  { mirror, incoming, branch, expected, page }: Wanted,
  call: { readonly token: string; readonly signal: AbortSignal },
): Promise<Written> {
  await mirror.refresh(call);
  const now = await mirror.branch(branch, call.signal);
  if (now === incoming.sha) return { url: page, already: true };
  if (now !== expected)
    throw new WriteRefused(`${branch} was changed meanwhile: fetch it and begin from there`);
  try {
    await mirror.push(incoming, { branch, expected }, call);
  } catch (error) {
    if (error instanceof GitError && /rejected|declined|denied/.test(error.stderr)) {
      throw new WriteRefused(`GitHub does not take it: ${error.message}`);
    }
    throw error;
  }
  return { url: page, already: false };
}

interface Wanted {
  readonly mirror: Mirror;
  readonly incoming: Incoming;
  readonly branch: string;
  readonly expected: string | undefined;
  readonly page: string;
}

/** Throws a BundleRefused for commits that are not this agent's to push. */
function refuseWrong({ commits, files }: Incoming, email: string): void {
  if (commits.length === 0) throw new BundleRefused('there is nothing new in it');
  const strange = commits.find(({ author, committer }) => author !== email || committer !== email);
  if (strange) {
    throw new BundleRefused(
      `commit ${strange.sha.slice(0, 12)} is by ${strange.author}, and yours are by ${email}: run git config user.email ${email}, and commit anew`,
    );
  }
  const submodule = files.find(({ mode }) => mode === GITLINK);
  if (submodule)
    throw new BundleRefused(`${submodule.path} is a submodule: a person has to add or change it`);
  const governs = files.find((each) => GOVERNS.test(each.path));
  if (governs) {
    const what = 'says what GitHub runs, or who has to agree';
    throw new BundleRefused(`${governs.path} ${what}: a person has to change it`);
  }
}

function refused(sentence: string): SocketReply {
  return { kind: 'refused', sentence };
}

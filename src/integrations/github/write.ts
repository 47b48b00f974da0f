import type { GitHubWrite } from '#core/github-write.ts';
import { githubError } from './github-error.ts';
import { loadOctokit } from './octokit.ts';
import { createIssue, setLabels, upsertComment } from './write-issues.ts';
import { openPull } from './write-pulls.ts';
import {
  type At,
  refuseHeldBranch,
  refuseHeldOrigin,
  type WriteOptions,
  WriteRefused,
  type Written,
} from './write-tools.ts';

/**
 * Writes to GitHub, once: what an attempt before this one wrote is found by its marker and author, also where its answer
 * was lost. What people hold back, by a label that is read again now, is refused, and so is what is closed.
 * Rejects with a WriteRefused, with a GithubError of a limit, a token or a failure of GitHub's, or with whatever kept it
 * from answering.
 */
export async function writeOnce(write: GitHubWrite, options: WriteOptions): Promise<Written> {
  const at = await placeOf(write.repo, options);
  try {
    switch (write.kind) {
      case 'issue-create':
        return await createIssue(write, at, options);
      case 'comment-upsert':
        return await upsertComment(write, at, options);
      case 'label-set':
        return await setLabels(write, at);
      case 'pr-open':
        return await openPull(write, at, options);
      default:
        return write satisfies never;
    }
  } catch (error) {
    throw meantBy(error, write.repo, options.clock.now());
  }
}

/**
 * Rejects with a WriteRefused where people hold back an open pull request of a branch, or what the task was asked for in,
 * as the labels are now; or with whatever kept GitHub from answering.
 */
export async function refusePushTo(
  { repo, branch }: { readonly repo: string; readonly branch: string },
  options: Access,
): Promise<void> {
  const at = await placeOf(repo, options);
  try {
    await refuseHeldOrigin(at, options);
    await refuseHeldBranch(at, branch);
  } catch (error) {
    throw meantBy(error, repo, options.clock.now());
  }
}

type Access = Pick<WriteOptions, 'url' | 'token' | 'askedIn' | 'clock' | 'signal'>;

async function placeOf(repository: string, { url, token, signal }: Access): Promise<At> {
  const [owner = '', repo = ''] = repository.split('/');
  const { Octokit } = await loadOctokit(url);
  // Whoever asks tries again by itself, knowing what was tried before.
  const octokit = new Octokit({ auth: token, retry: { enabled: false }, throttle: { enabled: false } });
  return { octokit, where: { owner, repo, request: { signal } } };
}

/** What GitHub has said: against it, or that it takes nothing now; other errors as they are. */
function meantBy(error: unknown, repo: string, now: number): unknown {
  if (!isAnswer(error)) return error;
  const { status } = error;
  const meant = githubError(`something in ${repo}`, error, now);
  if (meant.code === 'github_limited' || status >= 500 || status === 401) return meant;
  return new WriteRefused(
    status === 404
      ? `GitHub knows no such thing in ${repo}, or this agent may not see it`
      : `GitHub refuses it: ${error.message}`,
  );
}

/** An answer of GitHub's, as octokit rejects with it. */
function isAnswer(error: unknown): error is Error & { readonly status: number } {
  return (
    error instanceof Error && 'response' in error && 'status' in error && typeof error.status === 'number'
  );
}

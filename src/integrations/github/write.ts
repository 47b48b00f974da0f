import type { GitHubWrite } from '#core/github-write.ts';
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
 * Rejects with a WriteRefused, or with whatever kept GitHub from answering.
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
    throw refusalIn(error, write) ?? error;
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
    throw refusalIn(error, { repo }) ?? error;
  }
}

type Access = Pick<WriteOptions, 'url' | 'token' | 'askedIn' | 'signal'>;

async function placeOf(repository: string, { url, token, signal }: Access): Promise<At> {
  const [owner = '', repo = ''] = repository.split('/');
  // Loaded when it is wanted: most agents write nothing for hours.
  const { Octokit } = await import('octokit');
  // Whoever asks tries again by itself, knowing what was tried before.
  const octokit = new Octokit({
    baseUrl: url,
    auth: token,
    retry: { enabled: false },
    throttle: { enabled: false },
  });
  return { octokit, where: { owner, repo, request: { signal } } };
}

/** What GitHub says against it, if it is that, and not only away. */
function refusalIn(error: unknown, { repo }: Pick<GitHubWrite, 'repo'>): WriteRefused | undefined {
  if (!isAnswer(error)) return undefined;
  const { status } = error;
  if (status === 404) {
    return new WriteRefused(`GitHub knows no such thing in ${repo}, or this agent may not see it`);
  }
  const isLimit = status === 429 || (status === 403 && /rate limit/i.test(error.message));
  if (isLimit || status >= 500 || status === 401) return undefined;
  return new WriteRefused(`GitHub refuses it: ${error.message}`);
}

/** An answer of GitHub's, as octokit rejects with it. */
function isAnswer(error: unknown): error is Error & { readonly status: number } {
  return (
    error instanceof Error && 'response' in error && 'status' in error && typeof error.status === 'number'
  );
}

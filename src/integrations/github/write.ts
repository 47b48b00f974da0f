import type { GitHubWrite } from '#core/github-write.ts';
import { createIssue, setLabels, upsertComment } from './write-issues.ts';
import { openPull } from './write-pulls.ts';
import { type WriteOptions, WriteRefused, type Written } from './write-tools.ts';

/**
 * Writes to GitHub, once: what an attempt before this one wrote is found by its marker and author, also where its answer
 * was lost. What people hold back, by a label that is read again now, is refused, and so is what is closed.
 * Rejects with a WriteRefused, or with whatever kept GitHub from answering.
 */
export async function writeOnce(write: GitHubWrite, options: WriteOptions): Promise<Written> {
  const [owner = '', repo = ''] = write.repo.split('/');
  // Loaded when it is wanted: most agents write nothing for hours.
  const { Octokit } = await import('octokit');
  // Whoever asks tries again by itself, knowing what was tried before.
  const octokit = new Octokit({
    baseUrl: options.url,
    auth: options.token,
    retry: { enabled: false },
    throttle: { enabled: false },
  });
  const at = { octokit, where: { owner, repo, request: { signal: options.signal } } };
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

/** What GitHub says against it, if it is that, and not only away. */
function refusalIn(error: unknown, { repo }: GitHubWrite): WriteRefused | undefined {
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

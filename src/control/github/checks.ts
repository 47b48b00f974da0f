import type { GithubReader } from '#integrations/github/reader.ts';
import type { WatchedPull } from '../store/github-cursor-repository.ts';
import type { Happening } from './happening.ts';
import { failuresOf } from './observe.ts';

/** Checks that have failed at the commit of a pull request, with the tag of the list; undefined where nothing has changed. */
export async function lookAtChecks(
  reader: GithubReader,
  repo: string,
  { number, branch, sha, etag }: WatchedPull,
  signal: AbortSignal,
): Promise<{ readonly happenings: readonly Happening[]; readonly etag: string | undefined } | undefined> {
  const listed = await reader.checks(repo, sha, etag, signal);
  if (listed.kind === 'unchanged') return undefined;
  // Of the commit it may be told for other pull requests too, and never of which branch it is.
  const here = listed.items.map((check) => ({
    ...check,
    check_suite: { head_branch: branch },
    pull_requests: [{ number }],
  }));
  return { happenings: here.flatMap((check) => failuresOf(repo, check)), etag: listed.etag };
}

import type {
  CheckRun,
  Comment,
  DeliveryAttempt,
  Issue,
  IssueEvent,
  PullRequest,
  Review,
} from './objects.ts';

/** A list that may be as it was when it had this tag. */
export type Listed<T> =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'listed'; readonly items: readonly T[]; readonly etag: string | undefined };

/** One page of what changed at or after a time (Unix ms), the oldest change first. */
export interface Since {
  readonly since: number;
  /** The first is 1. */
  readonly page: number;
}

/** How many a page has; one with fewer is the last. */
export const PAGE = 100;

/** A comment, and what it stands on. */
export type CommentOn = Comment & { readonly number: number };

/**
 * What the control plane reads of GitHub. `repo` is `owner/name`. All of it has a deadline and ends with `signal`, and
 * throws a `GithubError` where GitHub does not give it.
 */
export interface GithubReader {
  /** Issues and pull requests. */
  issues(
    repo: string,
    given: Since & { readonly etag?: string | undefined },
    signal: AbortSignal,
  ): Promise<Listed<Issue>>;
  comments(repo: string, given: Since, signal: AbortSignal): Promise<readonly CommentOn[]>;
  lineComments(repo: string, given: Since, signal: AbortSignal): Promise<readonly CommentOn[]>;
  pull(repo: string, number: number, signal: AbortSignal): Promise<PullRequest>;
  reviews(repo: string, number: number, signal: AbortSignal): Promise<readonly Review[]>;
  /** What was done to an issue or pull request, the oldest first. */
  events(repo: string, number: number, signal: AbortSignal): Promise<readonly IssueEvent[]>;
  /** The checks of a commit that are done. */
  checks(repo: string, sha: string, etag: string | undefined, signal: AbortSignal): Promise<Listed<CheckRun>>;
  /** Attempts of the App's webhook since then, the newest first; none where the identity is no App. */
  attempts(since: number, signal: AbortSignal): Promise<readonly DeliveryAttempt[]>;
  /** Has GitHub deliver it again. */
  redeliver(attemptId: string, signal: AbortSignal): Promise<void>;
}

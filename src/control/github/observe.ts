import type { z } from 'zod';
import type { CheckRun, Comment, Issue, PullRequest, Review, User } from '#integrations/github/objects.ts';
import { type Account, GHOST, type Happening, type Subject } from './happening.ts';

type Of<K extends Happening['kind']> = Extract<Happening, { kind: K }>;
type GithubUser = z.output<typeof User>;

export function accountOf(user: GithubUser | null, association?: string): Account {
  if (!user) return GHOST;
  return { id: user.id, login: user.login, isBot: user.type === 'Bot', association };
}

export function subjectOf(repo: string, it: Issue | PullRequest): Subject {
  return {
    repo,
    number: it.number,
    isPull: 'head' in it || it.pull_request !== undefined,
    title: it.title,
    body: it.body,
    url: it.html_url,
    author: accountOf(it.user, it.author_association),
    labels: it.labels.map(({ name }) => name),
    isOpen: it.state === 'open',
  };
}

/** Whose it is now; `at` is when that came to be. */
export function givenOf(
  subject: Subject,
  { assignees }: Issue,
  { by, at }: { by: Account; at: number },
): Of<'given'> {
  return { ...placed('given', subject, at), assignees: assignees.map(({ login }) => login), by };
}

export function saidOf(subject: Subject, where: Of<'said'>['where'], comment: Comment): Of<'said'> {
  return {
    ...placed('said', subject, comment.updated_at),
    where,
    id: comment.id,
    author: accountOf(comment.user, comment.author_association),
    body: comment.body,
    url: comment.html_url,
  };
}

export function reviewWantedOf(
  subject: Subject,
  { requested_reviewers: reviewers, head }: PullRequest,
  { by, at }: { by: Account; at: number },
): Of<'review-wanted'> {
  const of = reviewers.flatMap(({ login }) => login ?? []);
  return { ...placed('review-wanted', subject, at), of, headSha: head.sha, by };
}

/** Undefined for a review that is not submitted yet. */
export function reviewedOf(subject: Subject, review: Review): Of<'reviewed'> | undefined {
  if (review.submitted_at === undefined) return undefined;
  return {
    ...placed('reviewed', subject, review.submitted_at),
    id: review.id,
    author: accountOf(review.user, review.author_association),
    state: review.state,
    body: review.body,
    url: review.html_url,
  };
}

/** Undefined for what is open. */
export function closedOf(
  subject: Subject,
  it: Issue | PullRequest,
  by: Account | undefined,
): Of<'closed'> | undefined {
  if (it.closed_at === undefined) return undefined;
  const mergedAt = 'head' in it ? it.merged_at : it.pull_request?.merged_at;
  return { ...placed('closed', subject, it.closed_at), isMerged: mergedAt !== undefined, by };
}

/** The pull requests for which this check has failed. */
export function failuresOf(repo: string, check: CheckRun): Happening[] {
  const { name, conclusion, head_sha: headSha, html_url: url, completed_at: at, check_suite: suite } = check;
  if (at === undefined || !['failure', 'timed_out'].includes(conclusion ?? '')) return [];
  const branch = suite?.head_branch ?? '';
  return check.pull_requests.map(({ number }) => ({
    ...{ kind: 'check-failed' as const, repo, number, at },
    ...{ branch, headSha, name, url },
  }));
}

function placed<K extends Happening['kind']>(kind: K, subject: Subject, at: number) {
  return { kind, repo: subject.repo, number: subject.number, subject, at };
}

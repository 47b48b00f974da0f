import type { GithubSettings } from '#core/github-settings.ts';
import type { Issue, IssueEvent, PullRequest } from '#integrations/github/objects.ts';
import { type CommentOn, type GithubReader, PAGE, type Since } from '#integrations/github/reader.ts';
import type { WatchedPull } from '../store/github-cursor-repository.ts';
import type { Happening } from './happening.ts';
import { accountOf, closedOf, givenOf, reviewedOf, reviewWantedOf, saidOf, subjectOf } from './observe.ts';
import { agentOf, isSame } from './standing.ts';
import { HOLDING } from './triggers.ts';

/** What the poll found in a repository. */
export interface Found {
  readonly happenings: readonly Happening[];
  /** Pull requests of agents among what has changed, as they are now. */
  readonly open: readonly WatchedPull[];
  readonly closed: readonly number[];
}

interface Look {
  readonly reader: GithubReader;
  readonly settings: GithubSettings;
  readonly repo: string;
  /** What happened before this (Unix ms, by GitHub's clock) was looked at before. */
  readonly since: number;
  readonly signal: AbortSignal;
}

/**
 * What happened in a repository, of which `changed` are the issues and pull requests that did change: read where it
 * has to be, in the words that webhooks have for the same.
 */
export async function lookAt(look: Look, changed: readonly Issue[]): Promise<Found> {
  const { settings, repo, reader, since, signal } = look;
  const happenings: Happening[] = [];
  const open: WatchedPull[] = [];
  const closed: number[] = [];
  for (const issue of changed) {
    const subject = subjectOf(repo, issue);
    const isOfAgent = agentOf(settings, subject.author.login) !== undefined;
    if (!subject.isOpen) {
      const closing = closedOf(subject, issue, issue.closed_by ? accountOf(issue.closed_by) : undefined);
      if (closing) happenings.push(closing);
      if (isOfAgent && subject.isPull) closed.push(subject.number);
    } else if (subject.isPull) {
      const pull = await reader.pull(repo, subject.number, signal);
      happenings.push(...(await reviewsWanted(look, pull)));
      if (isOfAgent) {
        happenings.push(...(await reviewsOf(look, issue)));
        open.push({ number: pull.number, branch: pull.head.ref, sha: pull.head.sha, etag: undefined });
      }
    } else {
      happenings.push(...(await givings(look, issue)));
    }
  }
  const subjects = new Map(changed.map((issue) => [issue.number, subjectOf(repo, issue)]));
  const said = async (where: 'comment' | 'line-comment', comments: readonly CommentOn[]): Promise<void> => {
    for (const comment of comments) {
      const subject = subjects.get(comment.number);
      // One that was left meanwhile: what it stands on has changed, and is found the next time.
      if (subject) happenings.push(saidOf(subject, where, comment));
    }
  };
  await said('comment', await allSince((page) => reader.comments(repo, page, signal), since));
  if (changed.some(({ pull_request: pull }) => pull))
    await said('line-comment', await allSince((page) => reader.lineComments(repo, page, signal), since));
  // What ended something comes before what began again in the same second.
  return { happenings: happenings.toSorted((a, b) => a.at - b.at || rank(a) - rank(b)), open, closed };
}

/**
 * All that changed since then, by times instead of pages: what changes meanwhile moves to the end, and with pages
 * something would slip past.
 */
export async function allSince<T extends { readonly updated_at: number }>(
  read: (page: Since) => Promise<readonly T[]>,
  since: number,
): Promise<T[]> {
  const all: T[] = [];
  let from = { since, page: 1 };
  while (true) {
    const items = await read(from);
    all.push(...items);
    const last = items.at(-1);
    if (!last || items.length < PAGE) return all;
    // A whole page of one second: the next one.
    from =
      last.updated_at > from.since ? { since: last.updated_at, page: 1 } : { ...from, page: from.page + 1 };
  }
}

/** Whose an issue is, where that came to be since then; who had it so is in its events alone. */
async function givings({ reader, settings, repo, since, signal }: Look, issue: Issue): Promise<Happening[]> {
  const isGiven =
    issue.assignees.some(({ login }) => agentOf(settings, login) !== undefined) ||
    issue.labels.some(({ name }) => /^agent:/i.test(name));
  if (!isGiven) return [];
  const events = await reader.events(repo, issue.number, signal);
  const subject = subjectOf(repo, issue);
  // Each by who did it: one who may not does not hide another who may.
  return events
    .filter((event) => event.created_at >= since && gives(event))
    .map(({ actor, created_at: at }) => givenOf(subject, issue, { by: accountOf(actor ?? null), at }));
}

function gives({ event, label }: IssueEvent): boolean {
  if (event === 'labeled') return /^agent:/i.test(label?.name ?? '');
  if (event === 'unlabeled') return HOLDING.some((each) => isSame(each, label?.name ?? ''));
  return event === 'assigned' || event === 'reopened';
}

async function reviewsWanted(
  { reader, settings, repo, signal }: Look,
  pull: PullRequest,
): Promise<Happening[]> {
  const isWanted = pull.requested_reviewers.some(
    ({ login }) => login !== undefined && agentOf(settings, login) !== undefined,
  );
  if (!isWanted) return [];
  const events = await reader.events(repo, pull.number, signal);
  const request = events.filter(({ event }) => event === 'review_requested').at(-1);
  if (!request) return [];
  const by = accountOf(request.actor ?? null);
  return [reviewWantedOf(subjectOf(repo, pull), pull, { by, at: pull.updated_at })];
}

async function reviewsOf({ reader, repo, since, signal }: Look, issue: Issue): Promise<Happening[]> {
  const reviews = await reader.reviews(repo, issue.number, signal);
  return reviews.flatMap((each) => {
    const review = reviewedOf(subjectOf(repo, issue), each);
    return review && review.at >= since ? [review] : [];
  });
}

function rank({ kind }: Happening): number {
  return kind === 'closed' ? 0 : 1;
}

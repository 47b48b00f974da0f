import { z } from 'zod';
import type { GithubSettings } from '#core/github-settings.ts';
import { CheckRun, Comment, Issue, PullRequest, Review, User } from '#integrations/github/objects.ts';
import type { Happening } from './happening.ts';
import {
  accountOf,
  closedOf,
  failuresOf,
  givenOf,
  reviewedOf,
  reviewWantedOf,
  saidOf,
  subjectOf,
} from './observe.ts';
import { isSame } from './standing.ts';

/** What a delivery of a webhook says: what happened, or why that is nothing to us. */
export type ReadEvent =
  | { readonly kind: 'happened'; readonly happenings: readonly Happening[] }
  | { readonly kind: 'nothing' | 'unreadable'; readonly why: string };

const Head = z.object({
  action: z.string().optional(),
  repository: z.object({ full_name: z.string() }).optional(),
});
const Sent = z.object({ sender: User });

/** Reads the events that we ask GitHub for. What is not one of those is nothing to us, whatever it holds. */
const events: Readonly<Record<string, (repo: string, action: string, body: unknown) => Happening[]>> = {
  issues(repo, action, body) {
    const { issue, sender } = Sent.extend({ issue: Issue }).parse(body);
    const subject = subjectOf(repo, issue);
    const by = accountOf(sender);
    if (action === 'closed') return some(closedOf(subject, issue, by));
    // Taking a label off may be what lets it begin.
    if (!['opened', 'reopened', 'assigned', 'labeled', 'unlabeled'].includes(action)) return [];
    return [givenOf(subject, issue, { by, at: issue.updated_at })];
  },
  issue_comment(repo, action, body) {
    const { issue, comment } = z.object({ issue: Issue, comment: Comment }).parse(body);
    return isSaid(action) ? [saidOf(subjectOf(repo, issue), 'comment', comment)] : [];
  },
  pull_request(repo, action, body) {
    const { pull_request: pull, sender } = Sent.extend({ pull_request: PullRequest }).parse(body);
    const subject = subjectOf(repo, pull);
    const by = accountOf(sender);
    if (action === 'closed') return some(closedOf(subject, pull, by));
    if (!['review_requested', 'synchronize', 'reopened', 'unlabeled'].includes(action)) return [];
    // After a push the review is wanted of another commit. Who pushed need have no right here: it may be to a fork.
    const wantedBy = action === 'synchronize' ? subject.author : by;
    return [reviewWantedOf(subject, pull, { by: wantedBy, at: pull.updated_at })];
  },
  pull_request_review(repo, action, body) {
    const { pull_request: pull, review } = z
      .object({ pull_request: PullRequest, review: Review })
      .parse(body);
    return action === 'submitted' ? some(reviewedOf(subjectOf(repo, pull), review)) : [];
  },
  pull_request_review_comment(repo, action, body) {
    const { pull_request: pull, comment } = z
      .object({ pull_request: PullRequest, comment: Comment })
      .parse(body);
    return isSaid(action) ? [saidOf(subjectOf(repo, pull), 'line-comment', comment)] : [];
  },
  check_run(repo, action, body) {
    const { check_run: check } = z.object({ check_run: CheckRun }).parse(body);
    return action === 'completed' ? failuresOf(repo, check) : [];
  },
};

/** What a delivery says, in the words that the poll has for the same. Never throws for what GitHub, or who sent it, wrote. */
export function readEvent(settings: GithubSettings, event: string, text: string): ReadEvent {
  if (!Object.hasOwn(events, event)) return { kind: 'nothing', why: `${event} is nothing that we act on` };
  try {
    const body: unknown = JSON.parse(text);
    const { action = '', repository } = Head.parse(body);
    const name = repository?.full_name ?? '';
    const repo = settings.repositories.find((each) => isSame(each, name));
    if (repo === undefined) return { kind: 'nothing', why: `${name} is not among github.repositories` };
    const happenings = events[event]?.(repo, action, body) ?? [];
    if (happenings.length > 0) return { kind: 'happened', happenings };
    return { kind: 'nothing', why: `${event} ${action} is nothing that we act on` };
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : 'the body is not JSON';
    return { kind: 'unreadable', why: `${event} is not as GitHub documents it: ${why}` };
  }
}

function isSaid(action: string): boolean {
  return action === 'created' || action === 'edited';
}

function some<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

import { issueOf } from '../actions/find.ts';
import { log } from '../git/commits.ts';
import type { Issue } from '../model.ts';
import { showUserById } from '../render/accounts.ts';
import { showGitCommit } from '../render/commits.ts';
import { showComment, showIssueEvent } from '../render/issues.ts';
import { showReview } from '../render/pulls.ts';
import { page, type RepoCall, type Route, readRoute } from '../routes.ts';

const READ = 'issues:read|pull_requests:read';

/** What happened to an issue: its events, and with comments, reviews and commits its timeline. */
export const timelineRoutes: readonly Route[] = [
  readRoute('/issues/:number/events', READ, (call) =>
    page(call, issueOf(call, 'read').events, (slice) =>
      slice.map((event) => showIssueEvent(call.world, call.repo, event)),
    ),
  ),

  readRoute('/issues/:number/timeline', READ, async (call) => {
    const entries = await entriesOf(call, issueOf(call, 'read'));
    return page(
      call,
      entries.toSorted((a, b) => a.at - b.at).map(({ shown }) => shown),
    );
  }),
];

interface Entry {
  readonly at: number;
  readonly shown: object;
}

async function entriesOf(call: RepoCall, issue: Issue): Promise<Entry[]> {
  const { world, repo } = call;
  const { state } = world;
  const events = issue.events.map((event) => ({
    at: event.createdAt,
    shown: showIssueEvent(world, repo, event),
  }));
  const comments = state.commentsOf(issue).map((comment) => ({
    at: comment.createdAt,
    shown: {
      event: 'commented',
      ...showComment(world, comment),
      actor: showUserById(world, comment.authorId),
    },
  }));
  const reviews = state.reviewsOf(issue).flatMap((review) => {
    if (review.submittedAt === null) return [];
    const shown = showReview(world, issue, review);
    return [
      { at: review.submittedAt, shown: { event: 'reviewed', ...shown, state: review.state.toLowerCase() } },
    ];
  });
  return [...(await commitEntries(call, issue)), ...events, ...comments, ...reviews];
}

async function commitEntries({ world, repo }: RepoCall, issue: Issue): Promise<Entry[]> {
  const { pull } = issue;
  if (!pull) return [];
  const commits = await log(
    world.repos.dir(repo.id),
    [`${pull.baseSha}..${pull.headSha}`],
    ['--max-count=250'],
  );
  return commits.toReversed().map((commit) => ({
    at: commit.committer.at,
    shown: { event: 'committed', ...showGitCommit(world, repo, commit) },
  }));
}

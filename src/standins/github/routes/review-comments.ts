import { hasRole } from '../access.ts';
import { pullOf, required, secondOf, sinceOf, sorted } from '../actions/find.ts';
import { touch } from '../actions/issue-changes.ts';
import { filesOf, readDraft, writeComments } from '../actions/review-comments.ts';
import { ApiError, notFound } from '../errors.ts';
import { numberOf } from '../json.ts';
import type { Issue, Review, ReviewComment } from '../model.ts';
import { isPull, type PullIssue, showPull, showReviewComment } from '../render/pulls.ts';
import {
  type Answer,
  numberParam,
  page,
  type RepoCall,
  type Route,
  readRoute,
  type WriteCall,
  writeRoute,
} from '../routes.ts';

const READ = 'pull_requests:read';
const WRITE = 'pull_requests:write';

/** Comments on lines of a pull request. */
export const reviewCommentRoutes: readonly Route[] = [
  readRoute('/pulls/:number/comments', READ, (call) =>
    list(call, call.world.state.reviewCommentsOf(pullOf(call))),
  ),

  readRoute('/pulls/comments', READ, (call) => {
    const all = [...call.world.state.reviewComments.values()].filter(({ repoId }) => repoId === call.repo.id);
    return list(call, [...all]);
  }),

  writeRoute('POST', '/pulls/:number/comments', WRITE, async (call) => {
    const issue = pullOf(call);
    const repliesTo = numberOf(call.body, 'in_reply_to');
    if (repliesTo !== undefined) return reply(call, issue, repliesTo);
    const commitId = required(call, 'PullRequestReviewComment', 'commit_id');
    const draft = readDraft(call.body, commitId, await filesOf(call, issue));
    return write(call, issue, draft);
  }),

  writeRoute('POST', '/pulls/:number/comments/:comment/replies', WRITE, (call) =>
    reply(call, pullOf(call), numberParam(call, 'comment')),
  ),

  readRoute('/pulls/comments/:comment', READ, (call) => show(call, commentOf(call))),

  writeRoute('PATCH', '/pulls/comments/:comment', WRITE, (call) => {
    const comment = ownComment(call);
    const from = comment.body;
    comment.body = required(call, 'PullRequestReviewComment', 'body');
    comment.updatedAt = call.world.clock.now();
    tellComment(call, comment, 'edited', { changes: { body: { from } } });
    return show(call, comment);
  }),

  writeRoute('DELETE', '/pulls/comments/:comment', WRITE, (call) => {
    const comment = ownComment(call);
    call.world.state.reviewComments.delete(comment.id);
    tellComment(call, comment, 'deleted');
    return { status: 204 };
  }),
];

function list(call: RepoCall, comments: readonly ReviewComment[]): Answer {
  const since = sinceOf(call);
  const wanted = comments.filter((comment) => secondOf(comment.updatedAt) >= since);
  return page(call, sorted(call, wanted, { sort: 'created', direction: 'asc' }), (slice) =>
    slice.map((comment) => showReviewComment(call.world, pullFor(call, comment), comment)),
  );
}

function reply(call: WriteCall, issue: PullIssue, toId: number): Answer {
  const to = call.world.state.reviewComments.get(toId);
  if (!to || to.issueId !== issue.id) throw notFound();
  const draft = { ...to, body: required(call, 'PullRequestReviewComment', 'body') };
  return write(call, issue, draft, to.inReplyToId ?? to.id);
}

/** A comment that comes alone is a review of its own. */
function write(
  call: WriteCall,
  issue: PullIssue,
  draft: ReturnType<typeof readDraft>,
  inReplyToId?: number,
): Answer {
  const { world, caller } = call;
  const review: Review = {
    id: world.state.nextId(),
    issueId: issue.id,
    authorId: caller.account.id,
    body: '',
    state: 'COMMENTED',
    commitId: draft.commitId,
    submittedAt: world.clock.now(),
  };
  world.state.reviews.set(review.id, review);
  const [comment] = writeComments(call, issue, review, [draft], inReplyToId);
  if (!comment) throw new Error('no comment was written');
  touch(world, issue);
  tellComment(call, comment, 'created');
  return { ...show(call, comment), status: 201 };
}

function show(call: RepoCall, comment: ReviewComment): Answer {
  return { body: showReviewComment(call.world, pullFor(call, comment), comment) };
}

function commentOf(call: RepoCall): ReviewComment {
  const comment = call.world.state.reviewComments.get(numberParam(call, 'comment'));
  if (!comment || comment.repoId !== call.repo.id) throw notFound();
  return comment;
}

function ownComment(call: WriteCall): ReviewComment {
  const comment = commentOf(call);
  const { world, caller, repo } = call;
  if (comment.authorId === caller.account.id) return comment;
  if (caller.kind === 'user' && hasRole(world.state, caller, repo, 'write')) return comment;
  throw new ApiError(403, 'Must have admin rights to Repository.');
}

function pullFor({ world }: RepoCall, comment: ReviewComment): PullIssue {
  const issue: Issue | undefined = world.state.issues.get(comment.issueId);
  if (!issue || !isPull(issue)) throw notFound();
  return issue;
}

function tellComment(call: WriteCall, comment: ReviewComment, action: string, more: object = {}): void {
  const { world, repo, caller } = call;
  const issue = pullFor(call, comment);
  const payload = {
    comment: showReviewComment(world, issue, comment),
    pull_request: showPull(world, issue),
    ...more,
  };
  const event = { name: 'pull_request_review_comment', action, payload, senderId: caller.account.id };
  world.events.emit(world, repo, event);
}

import { demandRole } from '../access.ts';
import { pullOf, required } from '../actions/find.ts';
import { note, touch } from '../actions/issue-changes.ts';
import { readComments, writeComments } from '../actions/review-comments.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { textOf } from '../json.ts';
import type { Review, ReviewState } from '../model.ts';
import { type PullIssue, showPull, showReview, showReviewComment } from '../render/pulls.ts';
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

const STATES: Readonly<Record<string, ReviewState>> = {
  APPROVE: 'APPROVED',
  REQUEST_CHANGES: 'CHANGES_REQUESTED',
  COMMENT: 'COMMENTED',
};

/** Reviews of a pull request. */
export const reviewRoutes: readonly Route[] = [
  readRoute('/pulls/:number/reviews', READ, (call) => {
    const issue = pullOf(call);
    // What is not submitted yet is seen by its author alone.
    const mine = 'account' in call.caller ? call.caller.account.id : undefined;
    const seen = call.world.state
      .reviewsOf(issue)
      .filter((review) => review.submittedAt !== null || review.authorId === mine);
    return page(call, seen, (slice) => slice.map((review) => showReview(call.world, issue, review)));
  }),

  writeRoute('POST', '/pulls/:number/reviews', WRITE, async (call) => {
    const issue = pullOf(call);
    const event = textOf(call.body, 'event');
    const commitId = textOf(call.body, 'commit_id') ?? issue.pull.headSha;
    if (event !== undefined) checkEvent(call, issue, event);
    const comments = await readComments(call, issue, commitId);
    const review = addReview(call, issue, commitId);
    writeComments(call, issue, review, comments);
    if (event !== undefined) submit(call, issue, review, event);
    return { body: showReview(call.world, issue, review) };
  }),

  readRoute('/pulls/:number/reviews/:review', READ, (call) => {
    const issue = pullOf(call);
    return { body: showReview(call.world, issue, reviewOf(call, issue)) };
  }),

  writeRoute('PUT', '/pulls/:number/reviews/:review', WRITE, (call) => {
    const issue = pullOf(call);
    const review = ownReview(call, issue);
    const from = review.body;
    review.body = required(call, 'PullRequestReview', 'body');
    touch(call.world, issue);
    tellReview(call, issue, review, 'edited', { changes: { body: { from } } });
    return { body: showReview(call.world, issue, review) };
  }),

  writeRoute('DELETE', '/pulls/:number/reviews/:review', WRITE, (call) => {
    const issue = pullOf(call);
    const review = ownReview(call, issue);
    if (review.submittedAt !== null) throw unprocessable('Can not delete a non-pending pull request review');
    call.world.state.reviews.delete(review.id);
    return { body: showReview(call.world, issue, review) };
  }),

  writeRoute('POST', '/pulls/:number/reviews/:review/events', WRITE, (call) => {
    const issue = pullOf(call);
    const review = ownReview(call, issue);
    const event = required(call, 'PullRequestReview', 'event');
    checkEvent(call, issue, event);
    submit(call, issue, review, event);
    return { body: showReview(call.world, issue, review) };
  }),

  writeRoute('PUT', '/pulls/:number/reviews/:review/dismissals', WRITE, dismiss),

  readRoute('/pulls/:number/reviews/:review/comments', READ, (call) => {
    const issue = pullOf(call);
    const { id } = reviewOf(call, issue);
    const comments = call.world.state.reviewCommentsOf(issue).filter((comment) => comment.reviewId === id);
    return page(call, comments, (slice) =>
      slice.map((comment) => showReviewComment(call.world, issue, comment)),
    );
  }),
];

function dismiss(call: WriteCall): Answer {
  const { world, repo, caller } = call;
  const issue = pullOf(call);
  const review = reviewOf(call, issue);
  demandRole(world.state, caller, repo, 'write');
  const message = required(call, 'PullRequestReview', 'message');
  if (review.state !== 'APPROVED' && review.state !== 'CHANGES_REQUESTED') {
    throw unprocessable('Can not dismiss a commented pull request review');
  }
  const state = review.state.toLowerCase();
  review.state = 'DISMISSED';
  note(world, issue, 'review_dismissed', caller.account.id, {
    dismissed_review: { state, review_id: review.id, dismissal_message: message },
  });
  tellReview(call, issue, review, 'dismissed');
  return { body: showReview(world, issue, review) };
}

function addReview({ world, caller, body }: WriteCall, issue: PullIssue, commitId: string): Review {
  const review: Review = {
    id: world.state.nextId(),
    issueId: issue.id,
    authorId: caller.account.id,
    body: textOf(body, 'body') ?? '',
    state: 'PENDING',
    commitId,
    submittedAt: null,
  };
  world.state.reviews.set(review.id, review);
  return review;
}

/** What GitHub refuses: an unknown event, a comment without words, one's own pull request. */
function checkEvent({ caller, body }: WriteCall, issue: PullIssue, event: string): void {
  const state = STATES[event];
  if (state === undefined) throw unprocessable(`Invalid event: ${event}`);
  if (issue.authorId === caller.account.id && event !== 'COMMENT') {
    const verb = event === 'APPROVE' ? 'approve' : 'request changes on';
    throw new ApiError(422, 'Unprocessable Entity', {
      errors: [`Review Can not ${verb} your own pull request`],
    });
  }
  const hasComments = Array.isArray(body['comments']) && body['comments'].length > 0;
  if (event === 'REQUEST_CHANGES' && !textOf(body, 'body') && !hasComments) {
    throw new ApiError(422, 'Unprocessable Entity', { errors: ['Body cannot be blank'] });
  }
}

function submit(call: WriteCall, issue: PullIssue, review: Review, event: string): void {
  const { world, body } = call;
  review.state = STATES[event] ?? 'COMMENTED';
  review.body = textOf(body, 'body') ?? review.body;
  review.submittedAt = world.clock.now();
  const { pull } = issue;
  pull.requestedReviewerIds = pull.requestedReviewerIds.filter((id) => id !== review.authorId);
  touch(world, issue);
  tellReview(call, issue, review, 'submitted');
}

function reviewOf(call: RepoCall, issue: PullIssue): Review {
  const review = call.world.state.reviews.get(numberParam(call, 'review'));
  if (!review || review.issueId !== issue.id) throw notFound();
  return review;
}

function ownReview(call: WriteCall, issue: PullIssue): Review {
  const review = reviewOf(call, issue);
  if (review.authorId !== call.caller.account.id) throw notFound();
  return review;
}

function tellReview(
  call: WriteCall,
  issue: PullIssue,
  review: Review,
  action: string,
  more: object = {},
): void {
  const { world, repo, caller } = call;
  const shown = showReview(world, issue, review);
  const payload = {
    // In events, unlike in answers, the state is in small letters.
    review: { ...shown, state: review.state.toLowerCase() },
    pull_request: showPull(world, issue),
    ...more,
  };
  world.events.emit(world, repo, {
    name: 'pull_request_review',
    action,
    payload,
    senderId: caller.account.id,
  });
}

import { reaches, roleOf } from '../access.ts';
import { issueOf, required, secondOf, sinceOf, sorted } from '../actions/find.ts';
import { newComment, touch } from '../actions/issue-changes.ts';
import { ApiError, notFound } from '../errors.ts';
import type { Comment, Issue } from '../model.ts';
import { showComment, showIssue } from '../render/issues.ts';
import {
  numberParam,
  page,
  type RepoCall,
  type Route,
  readRoute,
  type WriteCall,
  writeRoute,
} from '../routes.ts';

const READ = 'issues:read|pull_requests:read';
const WRITE = 'issues:write|pull_requests:write';

/** Comments on issues and pull requests. */
export const commentRoutes: readonly Route[] = [
  readRoute('/issues/:number/comments', READ, (call) =>
    list(call, call.world.state.commentsOf(issueOf(call, 'read'))),
  ),

  writeRoute('POST', '/issues/:number/comments', WRITE, (call) => {
    const issue = issueOf(call, 'write');
    const comment = newComment(call.world, issue, call.caller, required(call, 'IssueComment', 'body'));
    tellComment(call, issue, comment, 'created');
    const shown = showComment(call.world, comment);
    return { status: 201, body: shown, headers: { location: String(shown['url']) } };
  }),

  readRoute('/issues/comments', READ, (call) => {
    const all = [...call.world.state.comments.values()].filter((comment) => comment.repoId === call.repo.id);
    return list(call, [...all]);
  }),

  readRoute('/issues/comments/:comment', READ, (call) => ({
    body: showComment(call.world, commentOf(call)),
  })),

  writeRoute('PATCH', '/issues/comments/:comment', WRITE, (call) => {
    const comment = ownComment(call);
    const from = comment.body;
    comment.body = required(call, 'IssueComment', 'body');
    comment.updatedAt = call.world.clock.now();
    const issue = issueFor(call, comment);
    touch(call.world, issue);
    tellComment(call, issue, comment, 'edited', { changes: { body: { from } } });
    return { body: showComment(call.world, comment) };
  }),

  writeRoute('DELETE', '/issues/comments/:comment', WRITE, (call) => {
    const comment = ownComment(call);
    const issue = issueFor(call, comment);
    call.world.state.comments.delete(comment.id);
    touch(call.world, issue);
    tellComment(call, issue, comment, 'deleted');
    return { status: 204 };
  }),
];

function list(call: RepoCall, comments: readonly Comment[]) {
  const since = sinceOf(call);
  const wanted = comments.filter((comment) => secondOf(comment.updatedAt) >= since);
  return page(call, sorted(call, wanted, { sort: 'created', direction: 'asc' }), (slice) =>
    slice.map((comment) => showComment(call.world, comment)),
  );
}

function commentOf(call: RepoCall): Comment {
  const comment = call.world.state.comments.get(numberParam(call, 'comment'));
  if (!comment || comment.repoId !== call.repo.id) throw notFound();
  return comment;
}

/** Only its author, or who can write to the repository, changes a comment. */
function ownComment(call: WriteCall): Comment {
  const comment = commentOf(call);
  const { account } = call.caller;
  if (comment.authorId === account.id || reaches(roleOf(call.world.state, account, call.repo), 'write'))
    return comment;
  throw new ApiError(403, 'Must have admin rights to Repository.');
}

function issueFor(call: RepoCall, comment: Comment): Issue {
  const issue = call.world.state.issues.get(comment.issueId);
  if (!issue) throw notFound();
  return issue;
}

function tellComment(
  call: WriteCall,
  issue: Issue,
  comment: Comment,
  action: string,
  more: object = {},
): void {
  const { world, repo, caller } = call;
  const payload = { issue: showIssue(world, issue), comment: showComment(world, comment), ...more };
  world.events.emit(world, repo, { name: 'issue_comment', action, payload, senderId: caller.account.id });
}

import { count } from '../git/commits.ts';
import { diffSize } from '../git/diff.ts';
import { timeOrNull, timeText } from '../json.ts';
import type { Issue, Pull, Review, ReviewComment } from '../model.ts';
import type { World } from '../world.ts';
import { nodeId, repoUrl, showUserById } from './accounts.ts';
import { association, issueUrls, reactions, showCommon } from './issues.ts';
import { showRepo } from './repos.ts';

export type PullIssue = Issue & { readonly pull: Pull };

export function isPull(issue: Issue): issue is PullIssue {
  return issue.pull !== undefined;
}

/** A pull request as lists show it. */
export function showPull(world: World, issue: PullIssue): Record<string, unknown> {
  const { pull } = issue;
  const { state } = world;
  const base = state.repo(issue.repoId);
  const { url: issueUrl, html, pull: url } = issueUrls(world, issue);
  const statuses = `${repoUrl(world, base)}/statuses/${pull.headSha}`;
  return {
    url,
    id: pull.id,
    node_id: nodeId('PR', issue.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: issueUrl,
    ...showCommon(world, issue),
    merged_at: timeOrNull(pull.mergedAt),
    merge_commit_sha: pull.mergeCommitSha,
    requested_reviewers: pull.requestedReviewerIds.map((id) => showUserById(world, id)),
    requested_teams: [],
    draft: pull.isDraft,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${repoUrl(world, base)}/pulls/comments{/number}`,
    comments_url: `${issueUrl}/comments`,
    statuses_url: statuses,
    head: showSide(world, pull.headRepoId, pull.headRef, pull.headSha),
    base: showSide(world, base.id, pull.baseRef, pull.baseSha),
    _links: {
      self: { href: url },
      html: { href: html },
      issue: { href: issueUrl },
      comments: { href: `${issueUrl}/comments` },
      review_comments: { href: `${url}/comments` },
      review_comment: { href: `${repoUrl(world, base)}/pulls/comments{/number}` },
      commits: { href: `${url}/commits` },
      statuses: { href: statuses },
    },
    auto_merge: null,
  };
}

function showSide(world: World, repoId: number, ref: string, sha: string): Record<string, unknown> {
  const repo = world.state.repo(repoId);
  const owner = world.state.account(repo.ownerId);
  return {
    label: `${owner.login}:${ref}`,
    ref,
    sha,
    user: showUserById(world, owner.id),
    repo: showRepo(world, repo),
  };
}

export interface Mergeability {
  /** null until GitHub has found out. */
  readonly mergeable: boolean | null;
  readonly state: string;
}

/** A pull request asked for by itself: with what git has to say. */
export async function showFullPull(
  world: World,
  issue: PullIssue,
  { mergeable, state }: Mergeability,
): Promise<Record<string, unknown>> {
  const { pull } = issue;
  const dir = world.repos.dir(issue.repoId);
  const range = `${pull.baseSha}..${pull.headSha}`;
  const { files, additions, deletions } = await diffSize(dir, `${pull.baseSha}...${pull.headSha}`);
  return {
    ...showPull(world, issue),
    merged: pull.mergedAt !== null,
    mergeable,
    rebaseable: mergeable,
    mergeable_state: state,
    merged_by: showUserById(world, pull.mergedById),
    comments: world.state.commentsOf(issue).length,
    review_comments: world.state.reviewCommentsOf(issue).length,
    maintainer_can_modify: false,
    commits: await count(dir, range),
    additions,
    deletions,
    changed_files: files,
  };
}

export function showReview(world: World, issue: Issue, review: Review): Record<string, unknown> {
  const { html, pull } = issueUrls(world, issue);
  const repo = world.state.repo(issue.repoId);
  const page = `${html}#pullrequestreview-${review.id}`;
  return {
    id: review.id,
    node_id: nodeId('PRR', review.id),
    user: showUserById(world, review.authorId),
    body: review.body,
    state: review.state,
    html_url: page,
    pull_request_url: pull,
    author_association: association(world, repo, world.state.account(review.authorId)),
    _links: { html: { href: page }, pull_request: { href: pull } },
    ...(review.submittedAt === null ? {} : { submitted_at: timeText(review.submittedAt) }),
    commit_id: review.commitId,
  };
}

export function showReviewComment(
  world: World,
  issue: Issue,
  comment: ReviewComment,
): Record<string, unknown> {
  const { html, pull } = issueUrls(world, issue);
  const repo = world.state.repo(issue.repoId);
  const url = `${repoUrl(world, repo)}/pulls/comments/${comment.id}`;
  const page = `${html}#discussion_r${comment.id}`;
  return {
    url,
    pull_request_review_id: comment.reviewId,
    id: comment.id,
    node_id: nodeId('PRRC', comment.id),
    diff_hunk: comment.diffHunk,
    path: comment.path,
    position: comment.line,
    original_position: comment.line ?? 1,
    commit_id: comment.commitId,
    original_commit_id: comment.commitId,
    user: showUserById(world, comment.authorId),
    body: comment.body,
    created_at: timeText(comment.createdAt),
    updated_at: timeText(comment.updatedAt),
    html_url: page,
    pull_request_url: pull,
    author_association: association(world, repo, world.state.account(comment.authorId)),
    _links: { self: { href: url }, html: { href: page }, pull_request: { href: pull } },
    reactions: reactions(url),
    start_line: null,
    original_start_line: null,
    start_side: null,
    line: comment.line,
    original_line: comment.line,
    side: comment.side,
    subject_type: comment.line === null ? 'file' : 'line',
    ...(comment.inReplyToId === undefined ? {} : { in_reply_to_id: comment.inReplyToId }),
  };
}

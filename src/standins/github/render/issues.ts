import { timeOrNull, timeText } from '../json.ts';
import type { Account, Comment, Issue, IssueEvent, Repo } from '../model.ts';
import type { World } from '../world.ts';
import { nodeId, repoPage, repoUrl, showAppById, showUserById } from './accounts.ts';
import { showLabel } from './repos.ts';

/** What somebody is to a repository, as GitHub says it beside everything that is written. */
export function association({ state }: World, repo: Repo, account: Account): string {
  if (account.id === repo.ownerId) return 'OWNER';
  if (state.account(repo.ownerId).members.has(account.login.toLowerCase())) return 'MEMBER';
  if (repo.collaborators.has(account.login.toLowerCase())) return 'COLLABORATOR';
  const hasMerged = state
    .issuesOf(repo)
    .some((issue) => issue.authorId === account.id && issue.pull?.mergedAt);
  return hasMerged ? 'CONTRIBUTOR' : 'NONE';
}

export function reactions(url: string): Record<string, unknown> {
  const kinds = ['+1', '-1', 'laugh', 'hooray', 'confused', 'heart', 'rocket', 'eyes'];
  return {
    url: `${url}/reactions`,
    total_count: 0,
    ...Object.fromEntries(kinds.map((kind) => [kind, 0])),
  };
}

/** Where an issue is in the API, and where people see it. */
export function issueUrls(world: World, issue: Issue): { url: string; html: string; pull: string } {
  const repo = world.state.repo(issue.repoId);
  return {
    url: `${repoUrl(world, repo)}/issues/${issue.number}`,
    html: `${repoPage(world, repo)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`,
    pull: `${repoUrl(world, repo)}/pulls/${issue.number}`,
  };
}

/** What an issue and a pull request have in common. */
export function showCommon(world: World, issue: Issue): Record<string, unknown> {
  const { state } = world;
  const repo = state.repo(issue.repoId);
  const assignees = issue.assigneeIds.map((id) => showUserById(world, id));
  return {
    number: issue.number,
    title: issue.title,
    user: showUserById(world, issue.authorId),
    labels: issue.labels.flatMap((name) => {
      const label = repo.labels.get(name.toLowerCase());
      return label ? [showLabel(world, repo, label)] : [];
    }),
    state: issue.state,
    locked: false,
    assignee: assignees[0] ?? null,
    assignees,
    milestone: null,
    created_at: timeText(issue.createdAt),
    updated_at: timeText(issue.updatedAt),
    closed_at: timeOrNull(issue.closedAt),
    author_association: association(world, repo, state.account(issue.authorId)),
    active_lock_reason: null,
    body: issue.body,
  };
}

export function showIssue(world: World, issue: Issue): Record<string, unknown> {
  const { url, html, pull } = issueUrls(world, issue);
  return {
    url,
    repository_url: repoUrl(world, world.state.repo(issue.repoId)),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: html,
    id: issue.id,
    node_id: nodeId(issue.pull ? 'PR' : 'I', issue.id),
    ...showCommon(world, issue),
    comments: world.state.commentsOf(issue).length,
    type: null,
    ...(issue.pull
      ? {
          draft: issue.pull.isDraft,
          pull_request: {
            url: pull,
            html_url: html,
            diff_url: `${html}.diff`,
            patch_url: `${html}.patch`,
            merged_at: timeOrNull(issue.pull.mergedAt),
          },
        }
      : { sub_issues_summary: { total: 0, completed: 0, percent_completed: 0 } }),
    closed_by: showUserById(world, issue.closedById),
    reactions: reactions(url),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: showAppById(world, issue.appId),
    state_reason: issue.stateReason,
  };
}

export function showComment(world: World, comment: Comment): Record<string, unknown> {
  const { state } = world;
  const repo = state.repo(comment.repoId);
  const issue = state.issues.get(comment.issueId);
  const urls = issue ? issueUrls(world, issue) : { url: '', html: '' };
  const url = `${repoUrl(world, repo)}/issues/comments/${comment.id}`;
  return {
    url,
    html_url: `${urls.html}#issuecomment-${comment.id}`,
    issue_url: urls.url,
    id: comment.id,
    node_id: nodeId('IC', comment.id),
    user: showUserById(world, comment.authorId),
    created_at: timeText(comment.createdAt),
    updated_at: timeText(comment.updatedAt),
    body: comment.body,
    author_association: association(world, repo, state.account(comment.authorId)),
    reactions: reactions(url),
    performed_via_github_app: showAppById(world, comment.appId),
  };
}

export function showIssueEvent(world: World, repo: Repo, event: IssueEvent): Record<string, unknown> {
  const url = repoUrl(world, repo);
  return {
    id: event.id,
    node_id: nodeId('EV', event.id),
    url: `${url}/issues/events/${event.id}`,
    actor: showUserById(world, event.actorId),
    event: event.event,
    commit_id: event.commitId,
    commit_url: event.commitId === null ? null : `${url}/commits/${event.commitId}`,
    created_at: timeText(event.createdAt),
    ...event.more,
    performed_via_github_app: null,
  };
}

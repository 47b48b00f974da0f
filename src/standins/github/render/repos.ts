import { reaches, roleOf } from '../access.ts';
import { type Caller, isActor } from '../caller.ts';
import { timeText } from '../json.ts';
import type { Label, Repo, Role } from '../model.ts';
import type { World } from '../world.ts';
import { nodeId, repoPage, repoUrl, showUserById } from './accounts.ts';

/** The links of a repository that are its own address with something behind it. */
const BELOW: Readonly<Record<string, string>> = {
  forks_url: '/forks',
  keys_url: '/keys{/key_id}',
  collaborators_url: '/collaborators{/collaborator}',
  teams_url: '/teams',
  hooks_url: '/hooks',
  issue_events_url: '/issues/events{/number}',
  events_url: '/events',
  assignees_url: '/assignees{/user}',
  branches_url: '/branches{/branch}',
  tags_url: '/tags',
  blobs_url: '/git/blobs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  git_refs_url: '/git/refs{/sha}',
  trees_url: '/git/trees{/sha}',
  statuses_url: '/statuses/{sha}',
  languages_url: '/languages',
  stargazers_url: '/stargazers',
  contributors_url: '/contributors',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  commits_url: '/commits{/sha}',
  git_commits_url: '/git/commits{/sha}',
  comments_url: '/comments{/number}',
  issue_comment_url: '/issues/comments{/number}',
  contents_url: '/contents/{+path}',
  compare_url: '/compare/{base}...{head}',
  merges_url: '/merges',
  archive_url: '/{archive_format}{/ref}',
  downloads_url: '/downloads',
  issues_url: '/issues{/number}',
  pulls_url: '/pulls{/number}',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  labels_url: '/labels{/name}',
  releases_url: '/releases{/id}',
  deployments_url: '/deployments',
};

/** A repository as lists, pull requests and events show it. */
export function showRepo(world: World, repo: Repo): Record<string, unknown> {
  const url = repoUrl(world, repo);
  const html = repoPage(world, repo);
  const openIssues = world.state.issuesOf(repo).filter((issue) => issue.state === 'open').length;
  const forks = [...world.state.repos.values()].filter((each) => each.forkOf === repo.id).length;
  return {
    id: repo.id,
    node_id: nodeId('R', repo.id),
    name: repo.name,
    full_name: world.state.fullName(repo),
    private: repo.isPrivate,
    owner: showUserById(world, repo.ownerId),
    html_url: html,
    description: repo.description,
    fork: repo.forkOf !== undefined,
    url,
    ...Object.fromEntries(Object.entries(BELOW).map(([name, rest]) => [name, url + rest])),
    created_at: timeText(repo.createdAt),
    updated_at: timeText(repo.updatedAt),
    pushed_at: timeText(repo.pushedAt),
    git_url: `${html.replace(/^http/, 'git')}.git`,
    ssh_url: `git@${new URL(world.htmlUrl).hostname}:${world.state.fullName(repo)}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    homepage: null,
    size: 0,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: false,
    has_downloads: true,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    forks_count: forks,
    mirror_url: null,
    archived: false,
    disabled: false,
    open_issues_count: openIssues,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repo.isPrivate ? 'private' : 'public',
    forks,
    open_issues: openIssues,
    watchers: 0,
    default_branch: repo.defaultBranch,
    custom_properties: {},
  };
}

/** A repository asked for by itself, or in a list of one's own: with what the caller may do there. */
export function showFullRepo(world: World, repo: Repo, caller: Caller): Record<string, unknown> {
  const role = isActor(caller) ? roleOf(world.state, caller.account, repo) : undefined;
  const parent = repo.forkOf === undefined ? undefined : showRepo(world, world.state.repo(repo.forkOf));
  return {
    ...showRepo(world, repo),
    permissions: permissionsOf(role),
    ...(parent ? { parent, source: parent } : {}),
    network_count: 0,
    subscribers_count: 0,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: true,
    delete_branch_on_merge: false,
  };
}

/** `admin` is also maintain, push, triage and pull. */
export function permissionsOf(role: Role | undefined): Record<string, boolean> {
  return {
    admin: reaches(role, 'admin'),
    maintain: reaches(role, 'maintain'),
    push: reaches(role, 'write'),
    triage: reaches(role, 'triage'),
    pull: reaches(role, 'read'),
  };
}

export function showLabel(world: World, repo: Repo, label: Label): Record<string, unknown> {
  return {
    id: label.id,
    node_id: nodeId('LA', label.id),
    url: `${repoUrl(world, repo)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    color: label.color,
    default: false,
    description: label.description,
  };
}

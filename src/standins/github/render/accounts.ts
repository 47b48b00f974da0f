import { timeText } from '../json.ts';
import type { Account, App, Installation, Repo } from '../model.ts';
import type { World } from '../world.ts';

/** An id as GraphQL knows it. */
export function nodeId(kind: string, id: number): string {
  return `${kind}_${Buffer.from(String(id)).toString('base64url')}`;
}

export function showUser(world: World, account: Account): Record<string, unknown> {
  const login = encodeURIComponent(account.login);
  const url = `${world.apiUrl}/users/${login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.type === 'Bot' ? 'BOT' : account.type === 'User' ? 'U' : 'O', account.id),
    avatar_url: `${world.htmlUrl}/avatars/u/${account.id}?v=4`,
    gravatar_id: '',
    url,
    html_url: `${world.htmlUrl}/${account.type === 'Bot' ? `apps/${account.login.replace('[bot]', '')}` : login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.type,
    user_view_type: 'public',
    site_admin: false,
  };
}

export function showUserById(world: World, id: number | null): Record<string, unknown> | null {
  return id === null ? null : showUser(world, world.state.account(id));
}

/** A user with what its own page says. */
export function showProfile(world: World, account: Account): Record<string, unknown> {
  const { state } = world;
  const own = [...state.repos.values()].filter((repo) => repo.ownerId === account.id && !repo.isPrivate);
  return {
    ...showUser(world, account),
    name: account.name,
    company: null,
    blog: '',
    location: null,
    email: account.email,
    hireable: null,
    bio: null,
    twitter_username: null,
    public_repos: [...own].length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: timeText(account.createdAt),
    updated_at: timeText(account.createdAt),
  };
}

export function showApp(world: World, app: App): Record<string, unknown> {
  return {
    id: app.id,
    slug: app.slug,
    node_id: nodeId('A', app.id),
    client_id: app.clientId,
    owner: showUserById(world, app.ownerId),
    name: app.name,
    description: app.description,
    external_url: app.url,
    html_url: `${world.htmlUrl}/apps/${app.slug}`,
    created_at: timeText(app.createdAt),
    updated_at: timeText(app.createdAt),
    permissions: app.permissions,
    events: app.events,
  };
}

export function showAppById(world: World, id: number | undefined): Record<string, unknown> | null {
  return id === undefined ? null : showApp(world, world.state.app(id));
}

export function showInstallation(world: World, installation: Installation): Record<string, unknown> {
  const app = world.state.app(installation.appId);
  const account = world.state.account(installation.accountId);
  const settings = account.type === 'Organization' ? `organizations/${account.login}/settings` : 'settings';
  return {
    id: installation.id,
    client_id: app.clientId,
    account: showUser(world, account),
    repository_selection: installation.repositories === 'all' ? 'all' : 'selected',
    access_tokens_url: `${world.apiUrl}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${world.apiUrl}/installation/repositories`,
    html_url: `${world.htmlUrl}/${settings}/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: app.permissions,
    events: app.events,
    created_at: timeText(installation.createdAt),
    updated_at: timeText(installation.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: null,
  };
}

/** What links point at: the repository's place in the API. */
export function repoUrl(world: World, repo: Repo): string {
  return `${world.apiUrl}/repos/${world.state.fullName(repo)}`;
}

/** What links point at: the repository's page. */
export function repoPage(world: World, repo: Repo): string {
  return `${world.htmlUrl}/${world.state.fullName(repo)}`;
}

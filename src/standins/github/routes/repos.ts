import { canSee, demandRole, roleOf } from '../access.ts';
import { invalid, notFound } from '../errors.ts';
import { textOf } from '../json.ts';
import type { Account, Repo } from '../model.ts';
import { showUser } from '../render/accounts.ts';
import { permissionsOf, showFullRepo } from '../render/repos.ts';
import {
  type ActorCall,
  actorRoute,
  page,
  type RepoCall,
  type Route,
  readRoute,
  writeRoute,
} from '../routes.ts';
import { covers } from '../state.ts';

/** Repositories, and who may do what there. */
export const repoRoutes: readonly Route[] = [
  actorRoute('GET', '/installation/repositories', (call) => {
    if (call.caller.kind !== 'installation') throw notFound();
    const { installation } = call.caller;
    const { repositories } = installation;
    const repos = visible(call).filter((repo) => covers(installation, repo));
    return page(call, repos, (slice) => ({
      total_count: repos.length,
      repository_selection: repositories === 'all' ? 'all' : 'selected',
      repositories: slice.map((repo) => showFullRepo(call.world, repo, call.caller)),
    }));
  }),

  actorRoute('GET', '/user/repos', (call) => {
    const own = visible(call).filter((repo) => isCollaborator({ ...call, repo }, call.caller.account));
    return page(call, own, (slice) => slice.map((repo) => showFullRepo(call.world, repo, call.caller)));
  }),

  readRoute('', 'metadata:read', (call) => ({ body: showFullRepo(call.world, call.repo, call.caller) })),

  writeRoute('PATCH', '', 'administration:write', (call) => {
    const { world, repo, caller, body } = call;
    demandRole(world.state, caller, repo, 'admin');
    const name = textOf(body, 'name');
    if (name !== undefined && name !== repo.name) {
      const owner = world.state.account(repo.ownerId).login;
      if (world.state.repoNamed(owner, name)) throw invalid('Repository', 'name', 'already_exists');
      repo.formerNames.add(repo.name.toLowerCase());
      repo.name = name;
      repo.updatedAt = world.clock.now();
    }
    return { body: showFullRepo(world, repo, caller) };
  }),

  readRoute('/collaborators', 'metadata:read', (call) => {
    const { world, repo } = call;
    const all = [...world.state.accounts.values()].filter((account) => isCollaborator(call, account));
    return page(call, all, (slice) =>
      slice.map((account) => ({
        ...showUser(world, account),
        permissions: permissionsOf(roleOf(world.state, account, repo)),
        role_name: roleOf(world.state, account, repo) ?? 'none',
      })),
    );
  }),

  readRoute('/collaborators/:login', 'metadata:read', (call) => {
    const account = call.world.state.accountNamed(call.params['login'] ?? '');
    if (!account || !isCollaborator(call, account)) throw notFound();
    return { status: 204 };
  }),

  readRoute('/collaborators/:login/permission', 'metadata:read', (call) => {
    const { world, repo } = call;
    const account = world.state.accountNamed(call.params['login'] ?? '');
    if (!account) throw notFound();
    const role = roleOf(world.state, account, repo);
    // Triage counts as read, and maintain as write, where only the old names are known.
    const permission = role === 'triage' ? 'read' : role === 'maintain' ? 'write' : (role ?? 'none');
    const user = { ...showUser(world, account), permissions: permissionsOf(role), role_name: role ?? 'none' };
    return { body: { permission, role_name: role ?? 'none', user } };
  }),
];

function visible({ world, caller }: ActorCall): Repo[] {
  const { repositories } = caller.token;
  return [...world.state.repos.values()].filter(
    (repo) => canSee(world.state, caller, repo) && (repositories === 'all' || repositories.has(repo.id)),
  );
}

function isCollaborator(
  { world: { state }, repo }: Pick<RepoCall, 'world' | 'repo'>,
  account: Account,
): boolean {
  if (account.type !== 'User') return false;
  const login = account.login.toLowerCase();
  return (
    account.id === repo.ownerId ||
    repo.collaborators.has(login) ||
    state.account(repo.ownerId).members.has(login)
  );
}

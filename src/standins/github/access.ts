import type { Actor, Caller } from './caller.ts';
import { isActor } from './caller.ts';
import { ApiError, notFound } from './errors.ts';
import type { Account, Repo, Role } from './model.ts';
import { covers, type State } from './state.ts';

/** `issues:write`, as GitHub's documentation names what a call needs. */
export type Need = `${string}:${'read' | 'write'}`;

const ROLES: readonly Role[] = ['read', 'triage', 'write', 'maintain', 'admin'];

/** What an account may do in a repository; undefined when it may not even read. */
export function roleOf(state: State, account: Account, repo: Repo): Role | undefined {
  if (account.id === repo.ownerId) return 'admin';
  const given = repo.collaborators.get(account.login.toLowerCase());
  if (given) return given;
  const isMember = state.account(repo.ownerId).members.has(account.login.toLowerCase());
  return isMember || !repo.isPrivate ? 'read' : undefined;
}

/** Whether a role reaches as far as another. */
export function reaches(role: Role | undefined, wanted: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(wanted);
}

/** Whether the caller may know that the repository is there. */
export function canSee(state: State, caller: Caller, repo: Repo): boolean {
  return !repo.isPrivate || (isActor(caller) && isGiven(state, caller, repo));
}

/** Whether the token is for this repository at all, and its owner may read it. */
function isGiven(state: State, actor: Actor, repo: Repo): boolean {
  const { token } = actor;
  if (token.repositories !== 'all' && !token.repositories.has(repo.id)) return false;
  if (actor.kind === 'installation') return covers(actor.installation, repo);
  return roleOf(state, actor.account, repo) !== undefined;
}

/** Whether the token carries one of the needs here. Everybody may read what is public. */
export function permits(state: State, caller: Caller, repo: Repo, needs: readonly Need[]): boolean {
  const isRead = needs.every((need) => need.endsWith(':read'));
  if (isRead && !repo.isPrivate) return true;
  if (!isActor(caller) || !isGiven(state, caller, repo)) return false;
  const { permissions } = caller.token;
  if (permissions === undefined) return true;
  return needs.some((need) => {
    const [name = '', level] = need.split(':');
    const has = name === 'metadata' ? 'read' : permissions[name];
    return has === 'write' || (has === 'read' && level === 'read');
  });
}

/** Refuses as GitHub does: 404 for what it may not see, 401 for nobody, 403 for a token that lacks the permission. */
export function demand(state: State, caller: Caller, repo: Repo, needs: readonly Need[]): void {
  if (!canSee(state, caller, repo)) throw notFound();
  if (permits(state, caller, repo, needs)) return;
  if (!isActor(caller)) throw new ApiError(401, 'Requires authentication');
  const by = caller.kind === 'installation' ? 'integration' : 'personal access token';
  throw new ApiError(403, `Resource not accessible by ${by}`, {
    headers: {
      'x-accepted-github-permissions': needs.map((need) => need.replace(':', '=')).join('; '),
    },
  });
}

/** Whether the actor reaches a role here; an app reaches what its permissions say, which were looked at before. */
export function hasRole(state: State, actor: Actor, repo: Repo, role: Role): boolean {
  return actor.kind === 'installation' || reaches(roleOf(state, actor.account, repo), role);
}

/** 403 for a person whose role does not reach. */
export function demandRole(state: State, actor: Actor, repo: Repo, role: Role): void {
  if (!hasRole(state, actor, repo, role)) throw new ApiError(403, 'Must have admin rights to Repository.');
}

import { demandRole } from '../access.ts';
import { accountsNamed, issueOf } from '../actions/find.ts';
import { setAssignees } from '../actions/issue-changes.ts';
import { textsOf } from '../json.ts';
import type { Account } from '../model.ts';
import { showUser } from '../render/accounts.ts';
import { showIssue } from '../render/issues.ts';
import {
  type Answer,
  page,
  type RepoCall,
  type Route,
  readRoute,
  type WriteCall,
  writeRoute,
} from '../routes.ts';

const WRITE = 'issues:write|pull_requests:write';

/** Whom an issue is assigned to. */
export const assigneeRoutes: readonly Route[] = [
  readRoute('/assignees', 'issues:read', (call) =>
    page(call, assignable(call), (slice) => slice.map((account) => showUser(call.world, account))),
  ),

  readRoute('/assignees/:login', 'issues:read', (call) => {
    const login = (call.params['login'] ?? '').toLowerCase();
    const isThere = assignable(call).some((account) => account.login.toLowerCase() === login);
    return isThere ? { status: 204 } : { status: 404, body: { message: 'Not Found' } };
  }),

  writeRoute('POST', '/issues/:number/assignees', WRITE, (call) =>
    change(call, 201, (before, given) => [...before, ...given]),
  ),

  writeRoute('DELETE', '/issues/:number/assignees', WRITE, (call) =>
    change(call, 200, (before, given) => before.filter((id) => !given.includes(id))),
  ),
];

async function change(
  call: WriteCall,
  status: number,
  wanted: (before: readonly number[], given: readonly number[]) => number[],
): Promise<Answer> {
  const { world, repo, caller, body } = call;
  const issue = issueOf(call, 'write');
  demandRole(world.state, caller, repo, 'triage');
  const given = accountsNamed(call, textsOf(body['assignees']) ?? [], 'Issue', 'assignees').map(
    ({ id }) => id,
  );
  // Who has nothing to do with the repository cannot be assigned, and is left out without a word.
  const possible = new Set(assignable(call).map(({ id }) => id));
  const ids = wanted(issue.assigneeIds, given).filter((id) => possible.has(id));
  await setAssignees(world, issue, caller.account.id, ids);
  return { status, body: showIssue(world, issue) };
}

/** Everybody with access of their own, and the apps that are installed. */
function assignable({ world: { state }, repo }: RepoCall): Account[] {
  const owner = state.account(repo.ownerId);
  const bots = state.installationsOn(repo).map(({ appId }) => state.app(appId).botId);
  const isOne = ({ id, type, login }: Account): boolean => {
    if (bots.includes(id) || id === owner.id) return type !== 'Organization';
    return repo.collaborators.has(login.toLowerCase()) || owner.members.has(login.toLowerCase());
  };
  return [...state.accounts.values()].filter(isOne);
}

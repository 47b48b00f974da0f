import { hasRole } from '../access.ts';
import { accountsNamed, issueOf, required, secondOf, sinceOf, sorted } from '../actions/find.ts';
import {
  ensureLabel,
  newIssue,
  note,
  setAssignees,
  setLabels,
  setState,
  tell,
  tellAssignee,
  tellLabel,
  touch,
} from '../actions/issue-changes.ts';
import { ApiError, invalid } from '../errors.ts';
import { type JsonObject, textOf, textsOf } from '../json.ts';
import type { Issue } from '../model.ts';
import { showIssue } from '../render/issues.ts';
import { page, type RepoCall, type Route, readRoute, type WriteCall, writeRoute } from '../routes.ts';

const EITHER = 'issues:read|pull_requests:read';
const EITHER_WRITE = 'issues:write|pull_requests:write';

/** Issues, with which GitHub lists pull requests too. */
export const issueRoutes: readonly Route[] = [
  readRoute('/issues', EITHER, (call) => {
    const found = call.world.state.issuesOf(call.repo).filter(filterOf(call));
    return page(call, sorted(call, found, { sort: 'created', direction: 'desc' }), (slice) =>
      slice.map((issue) => showIssue(call.world, issue)),
    );
  }),

  writeRoute('POST', '/issues', 'issues:write', async (call) => {
    const { world, repo, caller, body } = call;
    const issue = newIssue(world, repo, caller, {
      title: required(call, 'Issue', 'title'),
      body: textOf(body, 'body') ?? null,
    });
    const actorId = caller.account.id;
    // Whoever may not triage has labels and assignees left out, without a word.
    if (hasRole(world.state, caller, repo, 'triage')) {
      issue.labels = (labelNames(body) ?? []).map((name) => ensureLabel(world, repo, name).name);
      issue.assigneeIds = assigneeIds(call) ?? [];
    }
    await tell(world, issue, 'opened', actorId);
    // Each is an event of its own besides, though it was there from the beginning.
    for (const name of issue.labels) await tellLabel(world, issue, actorId, { action: 'labeled', name });
    for (const id of issue.assigneeIds) await tellAssignee(world, issue, actorId, { action: 'assigned', id });
    const shown = showIssue(world, issue);
    return { status: 201, body: shown, headers: { location: String(shown['url']) } };
  }),

  readRoute('/issues/:number', EITHER, (call) => ({ body: showIssue(call.world, issueOf(call, 'read')) })),

  writeRoute('PATCH', '/issues/:number', EITHER_WRITE, async (call) => {
    const { world, repo, caller } = call;
    const issue = issueOf(call, 'write');
    const mayTriage = hasRole(world.state, caller, repo, 'triage');
    if (!mayTriage && issue.authorId !== caller.account.id) {
      throw new ApiError(403, 'Must have admin rights to Repository.');
    }
    await editText(call, issue);
    if (mayTriage) {
      const [labels, assignees] = [labelNames(call.body), assigneeIds(call)];
      if (labels) await setLabels(world, issue, caller.account.id, labels);
      if (assignees) await setAssignees(world, issue, caller.account.id, assignees);
    }
    const state = stateOf(call.body, 'Issue');
    if (state)
      await setState(world, issue, caller.account.id, {
        state,
        ...reasonOf(textOf(call.body, 'state_reason')),
      });
    return { body: showIssue(world, issue) };
  }),
];

/** Changes title and body as far as the request has them. */
export async function editText({ world, caller, body }: WriteCall, issue: Issue): Promise<void> {
  const title = textOf(body, 'title');
  const text = body['body'] === null ? null : textOf(body, 'body');
  const changes: Record<string, { from: string }> = {};
  if (title !== undefined && title !== issue.title) {
    changes['title'] = { from: issue.title };
    note(world, issue, 'renamed', caller.account.id, { rename: { from: issue.title, to: title } });
    issue.title = title;
  }
  if (text !== undefined && text !== issue.body) {
    changes['body'] = { from: issue.body ?? '' };
    issue.body = text;
  }
  if (Object.keys(changes).length === 0) return;
  touch(world, issue);
  await tell(world, issue, 'edited', caller.account.id, { changes });
}

/** The state that the body asks for; 422 for one that there is not. */
export function stateOf(body: JsonObject, resource: string): 'open' | 'closed' | undefined {
  const state = textOf(body, 'state');
  if (state === undefined || state === 'open' || state === 'closed') return state;
  throw invalid(resource, 'state', 'invalid');
}

function reasonOf(text: string | undefined): { reason?: Issue['stateReason'] } {
  if (text === undefined) return {};
  if (text === 'completed' || text === 'not_planned' || text === 'duplicate' || text === 'reopened')
    return { reason: text };
  throw invalid('Issue', 'state_reason', 'invalid');
}

/** Labels come as names or as objects with a name. */
export function labelNames(body: JsonObject): string[] | undefined {
  const { labels } = body;
  if (!Array.isArray(labels)) return undefined;
  return labels.map((label) => (typeof label === 'string' ? label : String(label?.name ?? '')));
}

function assigneeIds(call: WriteCall): number[] | undefined {
  const single = textOf(call.body, 'assignee');
  const logins = textsOf(call.body['assignees']) ?? (single === undefined ? undefined : [single]);
  if (!logins) return undefined;
  return accountsNamed(call, logins, 'Issue', 'assignees').map((account) => account.id);
}

function filterOf(call: RepoCall): (issue: Issue) => boolean {
  const { state } = call.world;
  const since = sinceOf(call);
  const wantedState = call.query.get('state') ?? 'open';
  const labels = (call.query.get('labels') ?? '').split(',').filter((name) => name !== '');
  const assignee = call.query.get('assignee');
  const creator = call.query.get('creator');
  const idOf = (login: string): number => state.accountNamed(login)?.id ?? -1;
  return (issue) =>
    (wantedState === 'all' || issue.state === wantedState) &&
    secondOf(issue.updatedAt) >= since &&
    labels.every((name) => issue.labels.some((label) => label.toLowerCase() === name.toLowerCase())) &&
    (creator === null || issue.authorId === idOf(creator)) &&
    isAssigned(issue, assignee, idOf);
}

function isAssigned(issue: Issue, assignee: string | null, idOf: (login: string) => number): boolean {
  if (assignee === null) return true;
  if (assignee === 'none') return issue.assigneeIds.length === 0;
  if (assignee === '*') return issue.assigneeIds.length > 0;
  return issue.assigneeIds.includes(idOf(assignee));
}

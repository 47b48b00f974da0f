import { demandRole } from '../access.ts';
import { issueOf, required } from '../actions/find.ts';
import { ensureLabel, setLabels } from '../actions/issue-changes.ts';
import { invalid, notFound } from '../errors.ts';
import { textOf } from '../json.ts';
import type { Issue } from '../model.ts';
import { showLabel } from '../render/repos.ts';
import {
  type Answer,
  page,
  type RepoCall,
  type Route,
  readRoute,
  type WriteCall,
  writeRoute,
} from '../routes.ts';
import { labelNames } from './issues.ts';

const READ = 'issues:read|pull_requests:read';
const WRITE = 'issues:write|pull_requests:write';

/** Labels of a repository, and those that an issue has. */
export const labelRoutes: readonly Route[] = [
  readRoute('/labels', READ, (call) =>
    page(call, [...call.repo.labels.values()], (slice) =>
      slice.map((label) => showLabel(call.world, call.repo, label)),
    ),
  ),

  writeRoute('POST', '/labels', WRITE, (call) => {
    const { world, repo, body } = call;
    const name = required(call, 'Label', 'name');
    if (repo.labels.has(name.toLowerCase())) throw invalid('Label', 'name', 'already_exists');
    const label = ensureLabel(world, repo, name);
    label.color = textOf(body, 'color') ?? label.color;
    label.description = textOf(body, 'description') ?? '';
    return { status: 201, body: showLabel(world, repo, label) };
  }),

  readRoute('/labels/:name', READ, (call) => {
    const label = call.repo.labels.get((call.params['name'] ?? '').toLowerCase());
    if (!label) throw notFound();
    return { body: showLabel(call.world, call.repo, label) };
  }),

  readRoute('/issues/:number/labels', READ, (call) => {
    const shown = labelsOf(call, issueOf(call, 'read'));
    return page(call, shown);
  }),

  writeRoute('POST', '/issues/:number/labels', WRITE, (call) =>
    change(call, (issue) => [...issue.labels, ...(labelNames(call.body) ?? [])]),
  ),

  writeRoute('PUT', '/issues/:number/labels', WRITE, (call) =>
    change(call, () => labelNames(call.body) ?? []),
  ),

  writeRoute('DELETE', '/issues/:number/labels', WRITE, async (call) => {
    await change(call, () => []);
    return { status: 204 };
  }),

  writeRoute('DELETE', '/issues/:number/labels/:name', WRITE, (call) =>
    change(call, (issue) => {
      const name = (call.params['name'] ?? '').toLowerCase();
      const left = issue.labels.filter((label) => label.toLowerCase() !== name);
      if (left.length === issue.labels.length) throw notFound();
      return left;
    }),
  ),
];

async function change(call: WriteCall, wanted: (issue: Issue) => string[]): Promise<Answer> {
  const { world, repo, caller } = call;
  const issue = issueOf(call, 'write');
  demandRole(world.state, caller, repo, 'triage');
  await setLabels(world, issue, caller.account.id, wanted(issue));
  return { body: labelsOf(call, issue) };
}

function labelsOf({ world, repo }: RepoCall, issue: Issue): object[] {
  return issue.labels.map((name) => showLabel(world, repo, ensureLabel(world, repo, name)));
}

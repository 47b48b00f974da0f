import { type Actor, appIdOf } from '../caller.ts';
import { invalid } from '../errors.ts';
import type { Comment, Issue, Label, Pull, Repo } from '../model.ts';
import { showUserById } from '../render/accounts.ts';
import { showIssue } from '../render/issues.ts';
import { isPull, showFullPull } from '../render/pulls.ts';
import { showLabel } from '../render/repos.ts';
import type { World } from '../world.ts';

/** Makes an issue, or the issue of a pull request; it tells nobody yet. */
export function newIssue(
  { state, clock }: World,
  repo: Repo,
  actor: Actor,
  draft: { title: string; body: string | null; pull?: Pull },
): Issue {
  repo.lastNumber += 1;
  const now = clock.now();
  const issue: Issue = {
    id: state.nextId(),
    repoId: repo.id,
    number: repo.lastNumber,
    authorId: actor.account.id,
    appId: appIdOf(actor),
    title: draft.title,
    body: draft.body,
    state: 'open',
    stateReason: null,
    labels: [],
    assigneeIds: [],
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    closedById: null,
    events: [],
    pull: draft.pull,
  };
  state.issues.set(issue.id, issue);
  return issue;
}

/** Says that something about the issue has changed. */
export function touch({ clock }: World, issue: Issue): void {
  issue.updatedAt = clock.now();
}

/** Adds to the history of the issue. */
export function note(
  world: World,
  issue: Issue,
  event: string,
  actorId: number,
  more: Readonly<Record<string, unknown>> = {},
  commitId: string | null = null,
): void {
  const { state, clock } = world;
  issue.events.push({ id: state.nextId(), event, actorId, createdAt: clock.now(), commitId, more });
  touch(world, issue);
}

/** Tells the hooks about an issue, or about a pull request, which has an event of its own. */
export async function tell(
  world: World,
  issue: Issue,
  action: string,
  senderId: number,
  more: object = {},
): Promise<void> {
  const repo = world.state.repo(issue.repoId);
  if (!isPull(issue)) {
    const payload = { issue: showIssue(world, issue), ...more };
    world.events.emit(world, repo, { name: 'issues', action, payload, senderId });
    return;
  }
  const pull = await showFullPull(world, issue, { mergeable: null, state: 'unknown' });
  const payload = { number: issue.number, pull_request: pull, ...more };
  world.events.emit(world, repo, { name: 'pull_request', action, payload, senderId });
}

/** Opens or closes. */
export async function setState(
  world: World,
  issue: Issue,
  actorId: number,
  to: { state: 'open' | 'closed'; reason?: Issue['stateReason']; commitId?: string },
): Promise<void> {
  if (issue.state === to.state) return;
  const isClosed = to.state === 'closed';
  issue.state = to.state;
  issue.closedAt = isClosed ? world.clock.now() : null;
  issue.closedById = isClosed ? actorId : null;
  if (!issue.pull) issue.stateReason = isClosed ? (to.reason ?? 'completed') : 'reopened';
  const more = issue.pull ? {} : { state_reason: isClosed ? issue.stateReason : null };
  note(world, issue, isClosed ? 'closed' : 'reopened', actorId, more, to.commitId ?? null);
  await tell(world, issue, isClosed ? 'closed' : 'reopened', actorId);
}

/** Gives the issue exactly these labels; a label that the repository does not know is made. */
export async function setLabels(
  world: World,
  issue: Issue,
  actorId: number,
  names: readonly string[],
): Promise<void> {
  const repo = world.state.repo(issue.repoId);
  const wanted = [...new Set(names.map((name) => ensureLabel(world, repo, name).name))];
  const changes = [
    ...issue.labels.filter((name) => !wanted.includes(name)).map((name) => ['unlabeled', name] as const),
    ...wanted.filter((name) => !issue.labels.includes(name)).map((name) => ['labeled', name] as const),
  ];
  issue.labels = wanted;
  for (const [action, name] of changes) await tellLabel(world, issue, actorId, { action, name });
}

/** Notes and tells that a label has come or gone. */
export async function tellLabel(
  world: World,
  issue: Issue,
  actorId: number,
  { action, name }: { action: 'labeled' | 'unlabeled'; name: string },
): Promise<void> {
  const repo = world.state.repo(issue.repoId);
  const label = ensureLabel(world, repo, name);
  note(world, issue, action, actorId, { label: { name, color: label.color } });
  await tell(world, issue, action, actorId, { label: showLabel(world, repo, label) });
}

export function ensureLabel({ state }: World, repo: Repo, name: string): Label {
  const found = repo.labels.get(name.toLowerCase());
  if (found) return found;
  if (name.trim() === '' || name.length > 50) throw invalid('Label', 'name', 'invalid');
  const label = { id: state.nextId(), name, color: 'ededed', description: '' };
  repo.labels.set(name.toLowerCase(), label);
  return label;
}

/** Assigns exactly these. Whom it cannot be assigned to is left out, as GitHub does. */
export async function setAssignees(
  world: World,
  issue: Issue,
  actorId: number,
  ids: readonly number[],
): Promise<void> {
  const wanted = [...new Set(ids)];
  const changes = [
    ...issue.assigneeIds.filter((id) => !wanted.includes(id)).map((id) => ['unassigned', id] as const),
    ...wanted.filter((id) => !issue.assigneeIds.includes(id)).map((id) => ['assigned', id] as const),
  ];
  issue.assigneeIds = wanted;
  for (const [action, id] of changes) await tellAssignee(world, issue, actorId, { action, id });
}

/** Notes and tells that somebody was assigned or is no longer. */
export async function tellAssignee(
  world: World,
  issue: Issue,
  actorId: number,
  { action, id }: { action: 'assigned' | 'unassigned'; id: number },
): Promise<void> {
  const assignee = showUserById(world, id);
  note(world, issue, action, actorId, { assignee, assigner: showUserById(world, actorId) });
  await tell(world, issue, action, actorId, { assignee });
}

/** Writes a comment; it tells nobody yet. */
export function newComment(world: World, issue: Issue, actor: Actor, body: string): Comment {
  const now = world.clock.now();
  const comment: Comment = {
    id: world.state.nextId(),
    issueId: issue.id,
    repoId: issue.repoId,
    authorId: actor.account.id,
    appId: appIdOf(actor),
    body,
    createdAt: now,
    updatedAt: now,
  };
  world.state.comments.set(comment.id, comment);
  touch(world, issue);
  return comment;
}

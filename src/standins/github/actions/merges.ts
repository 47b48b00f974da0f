import { mergeTree } from '../git/merge.ts';
import type { CheckRun, Repo } from '../model.ts';
import type { Mergeability, PullIssue } from '../render/pulls.ts';
import type { World } from '../world.ts';
import { note, setState } from './issue-changes.ts';

const CLOSING = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)/gi;

/** Where the base branch stands now. */
export function baseTip(world: World, issue: PullIssue): string | undefined {
  return world.state.repo(issue.repoId).refs.get(`refs/heads/${issue.pull.baseRef}`);
}

/**
 * Whether a pull request can be merged, found out by git. As on GitHub it is not known when it is asked for the first time
 * after the base or the head has moved.
 */
export async function mergeability(world: World, issue: PullIssue): Promise<Mergeability> {
  const { pull } = issue;
  const base = baseTip(world, issue);
  if (issue.state === 'closed' || base === undefined) return { mergeable: null, state: 'unknown' };
  const asked = `${base} ${pull.headSha}`;
  if (pull.mergeAsked !== asked) {
    pull.mergeAsked = asked;
    return { mergeable: null, state: 'unknown' };
  }
  return findMergeability(world, issue, base);
}

/** The same, with the answer at once. */
export async function findMergeability(world: World, issue: PullIssue, base: string): Promise<Mergeability> {
  const { pull, repoId } = issue;
  const tree = await mergeTree(world.repos.dir(repoId), base, pull.headSha);
  if (tree === undefined) return { mergeable: false, state: 'dirty' };
  if (pull.isDraft) return { mergeable: true, state: 'draft' };
  if (whatProtects(world, issue) !== undefined) return { mergeable: true, state: 'blocked' };
  return { mergeable: true, state: areAllGreen(runsAt(world, repoId, pull.headSha)) ? 'clean' : 'unstable' };
}

/** The rule of the base branch that is not met yet, in GitHub's words. */
export function whatProtects(world: World, issue: PullIssue): string | undefined {
  const { pull } = issue;
  const repo = world.state.repo(issue.repoId);
  const rule = repo.protection.get(pull.baseRef);
  if (!rule) return undefined;
  const green = runsAt(world, repo.id, pull.headSha).filter((run) => areAllGreen([run]));
  const missing = rule.checks.filter((name) => !green.some((run) => run.name === name));
  if (missing.length > 0) return `Required status check "${missing.join('", "')}" is expected.`;
  if (approvals(world, issue) >= rule.approvals) return undefined;
  return `At least ${rule.approvals} approving review is required by reviewers with write access.`;
}

/** How many approve the head as it is; the last review of each counts, and a comment changes nothing. */
function approvals(world: World, issue: PullIssue): number {
  const last = new Map<number, string>();
  for (const review of world.state.reviewsOf(issue)) {
    if (review.state === 'COMMENTED' || review.state === 'PENDING') continue;
    last.set(review.authorId, review.commitId === issue.pull.headSha ? review.state : 'STALE');
  }
  return [...last.values()].filter((state) => state === 'APPROVED').length;
}

function runsAt({ state }: World, repoId: Repo['id'], sha: string): CheckRun[] {
  return [...state.checkRuns.values()].filter((run) => run.repoId === repoId && run.headSha === sha);
}

function areAllGreen(runs: readonly CheckRun[]): boolean {
  return runs.every((run) => ['success', 'neutral', 'skipped'].includes(run.conclusion ?? ''));
}

/** Notes that the pull request is in the base branch, and closes the issues that it says it closes. */
export async function markMerged(
  world: World,
  issue: PullIssue,
  actorId: number,
  commitId: string,
): Promise<void> {
  const { pull } = issue;
  const repo = world.state.repo(issue.repoId);
  pull.mergedAt = world.clock.now();
  pull.mergedById = actorId;
  pull.mergeCommitSha = commitId;
  note(world, issue, 'merged', actorId, {}, commitId);
  await setState(world, issue, actorId, { state: 'closed' });
  if (pull.baseRef !== repo.defaultBranch) return;
  for (const [, number] of (issue.body ?? '').matchAll(CLOSING)) {
    const closed = world.state.issueNumbered(repo, Number(number));
    if (closed && !closed.pull) await setState(world, closed, actorId, { state: 'closed', commitId });
  }
}

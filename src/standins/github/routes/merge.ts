import { demandRole } from '../access.ts';
import { pullOf } from '../actions/find.ts';
import { baseTip, findMergeability, markMerged, whatProtects } from '../actions/merges.ts';
import { followRefs } from '../actions/pushes.ts';
import { ApiError, unprocessable } from '../errors.ts';
import { type MergeMethod, makeMerge } from '../git/merge.ts';
import { git } from '../git/run.ts';
import { textOf } from '../json.ts';
import type { PullIssue } from '../render/pulls.ts';
import { type Answer, type Route, readRoute, type WriteCall, writeRoute } from '../routes.ts';

/** Whether a pull request is merged, and merging it. */
export const mergeRoutes: readonly Route[] = [
  readRoute('/pulls/:number/merge', 'pull_requests:read', (call) =>
    pullOf(call).pull.mergedAt === null ? { status: 404 } : { status: 204 },
  ),

  writeRoute('PUT', '/pulls/:number/merge', 'contents:write', (call) =>
    call.world.repos.exclusively(call.repo.id, () => merge(call)),
  ),
];

async function merge(call: WriteCall): Promise<Answer> {
  const { world, repo, caller, body } = call;
  const issue = pullOf(call);
  const { pull } = issue;
  demandRole(world.state, caller, repo, 'write');
  const base = await mergeableBase(call, issue);
  const expected = textOf(body, 'sha');
  if (expected !== undefined && expected !== pull.headSha) {
    throw new ApiError(409, 'Head branch was modified. Review and try the merge again.');
  }
  const method = methodOf(textOf(body, 'merge_method'));
  const { account } = caller;
  const sha = await makeMerge(world.repos.dir(repo.id), {
    method,
    base,
    head: pull.headSha,
    message: messageOf(call, issue, method),
    author: { name: account.name, email: account.email, at: world.clock.now() },
  });
  if (sha === undefined) throw new ApiError(405, "This branch can't be rebased");
  // The pull request is merged before anybody looks at the ref: what follows from the push is no second merge.
  await git(world.repos.dir(repo.id), ['update-ref', `refs/heads/${pull.baseRef}`, sha, base]);
  await markMerged(world, issue, account.id, sha);
  await followRefs(world, repo, account.id);
  return { body: { sha, merged: true, message: 'Pull Request successfully merged' } };
}

/** Where the base branch stands; 405 when the pull request cannot be merged as it is. */
async function mergeableBase({ world }: WriteCall, issue: PullIssue): Promise<string> {
  const base = baseTip(world, issue);
  if (issue.state === 'closed' || base === undefined || issue.pull.isDraft) {
    throw new ApiError(405, 'Pull Request is not mergeable');
  }
  const { mergeable } = await findMergeability(world, issue, base);
  if (!mergeable) throw new ApiError(405, 'Pull Request is not mergeable');
  const rule = whatProtects(world, issue);
  if (rule !== undefined) throw new ApiError(405, rule);
  return base;
}

function methodOf(text: string | undefined): MergeMethod {
  if (text === undefined || text === 'merge') return 'merge';
  if (text === 'squash' || text === 'rebase') return text;
  throw unprocessable('Invalid request.', [
    `${text} is not a possible value. Must be one of: merge, squash, rebase.`,
  ]);
}

function messageOf({ world, body }: WriteCall, issue: PullIssue, method: MergeMethod): string {
  const owner = world.state.account(world.state.repo(issue.pull.headRepoId).ownerId).login;
  const [title, text] =
    method === 'merge'
      ? [`Merge pull request #${issue.number} from ${owner}/${issue.pull.headRef}`, issue.title]
      : [`${issue.title} (#${issue.number})`, issue.body ?? ''];
  return `${textOf(body, 'commit_title') ?? title}\n\n${textOf(body, 'commit_message') ?? text}\n`;
}

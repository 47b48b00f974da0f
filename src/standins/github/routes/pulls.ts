import { hasRole } from '../access.ts';
import { pullOf, required, sorted } from '../actions/find.ts';
import { newIssue, setState, tell } from '../actions/issue-changes.ts';
import { mergeability } from '../actions/merges.ts';
import { fetchHead, keepHead } from '../actions/pushes.ts';
import { ApiError, invalid, notFound, unprocessable } from '../errors.ts';
import { count, log } from '../git/commits.ts';
import { changedFiles, diffText, MAX_DIFF_LINES } from '../git/diff.ts';
import { textOf } from '../json.ts';
import type { Repo } from '../model.ts';
import { showCommit, showFile } from '../render/commits.ts';
import { isPull, type PullIssue, showFullPull, showPull } from '../render/pulls.ts';
import {
  type Answer,
  page,
  type RepoCall,
  type Route,
  readRoute,
  type WriteCall,
  writeRoute,
} from '../routes.ts';
import { editText, stateOf } from './issues.ts';

const READ = 'pull_requests:read';
const WRITE = 'pull_requests:write';

/** Pull requests. */
export const pullRoutes: readonly Route[] = [
  readRoute('/pulls', READ, (call) => {
    const found = call.world.state.issuesOf(call.repo).filter(isPull).filter(filterOf(call));
    return page(call, sorted(call, found, { sort: 'created', direction: 'desc' }), (slice) =>
      slice.map((issue) => showPull(call.world, issue)),
    );
  }),

  writeRoute('POST', '/pulls', WRITE, async (call) => {
    const issue = await call.world.repos.exclusively(call.repo.id, () => open(call));
    await tell(call.world, issue, 'opened', call.caller.account.id);
    const shown = await showFullPull(call.world, issue, { mergeable: null, state: 'unknown' });
    return { status: 201, body: shown, headers: { location: String(shown['url']) } };
  }),

  readRoute('/pulls/:number', READ, async (call) => {
    const issue = pullOf(call);
    if (/\.diff\b/.test(call.accept)) return diffOf(call, issue);
    return { body: await showFullPull(call.world, issue, await mergeability(call.world, issue)) };
  }),

  writeRoute('PATCH', '/pulls/:number', WRITE, async (call) => {
    const { world, repo, caller, body } = call;
    const issue = pullOf(call);
    if (issue.authorId !== caller.account.id && !hasRole(world.state, caller, repo, 'write'))
      throw notFound();
    await editText(call, issue);
    const base = textOf(body, 'base');
    if (base !== undefined) issue.pull.baseSha = branchTip(repo, base);
    if (base !== undefined) issue.pull.baseRef = base;
    const state = stateOf(body, 'PullRequest');
    if (state === 'open' && issue.state === 'closed') checkReopen(call, issue);
    if (state) await setState(world, issue, caller.account.id, { state });
    return { body: await showFullPull(world, issue, await mergeability(world, issue)) };
  }),

  readRoute('/pulls/:number/files', READ, async (call) => {
    const issue = pullOf(call);
    const files = await changedFiles(call.world.repos.dir(call.repo.id), changesOf(issue));
    return page(call, files.slice(0, 3000), (slice) =>
      slice.map((file) => showFile(call.world, call.repo, issue.pull.headSha, file)),
    );
  }),

  readRoute('/pulls/:number/commits', READ, async (call) => {
    const { pull } = pullOf(call);
    const commits = await log(call.world.repos.dir(call.repo.id), [`${pull.baseSha}..${pull.headSha}`]);
    return page(call, commits.toReversed().slice(0, 250), (slice) =>
      slice.map((commit) => showCommit(call.world, call.repo, commit)),
    );
  }),
];

/** What the pull request changes since it left its base. */
function changesOf({ pull }: PullIssue): string {
  return `${pull.baseSha}...${pull.headSha}`;
}

async function diffOf({ world, repo }: RepoCall, issue: PullIssue): Promise<Answer> {
  const text = await diffText(world.repos.dir(repo.id), changesOf(issue));
  if (text.split('\n').length <= MAX_DIFF_LINES) return { text };
  const message = `Sorry, the diff exceeded the maximum number of lines (${MAX_DIFF_LINES})`;
  const errors = [{ resource: 'PullRequest', field: 'diff', code: 'too_large' }];
  throw new ApiError(406, message, { errors });
}

async function open(call: WriteCall): Promise<PullIssue> {
  const { world, repo, caller, body } = call;
  const { state } = world;
  const baseRef = required(call, 'PullRequest', 'base');
  const head = findHead(call, required(call, 'PullRequest', 'head'));
  const baseSha = branchTip(repo, baseRef);
  const title = required(call, 'PullRequest', 'title');
  const twin = state
    .issuesOf(repo)
    .filter(isPull)
    .find(
      ({ state: is, pull }) =>
        is === 'open' &&
        pull.headRef === head.ref &&
        pull.baseRef === baseRef &&
        pull.headRepoId === head.repo.id,
    );
  const label = `${state.account(head.repo.ownerId).login}:${head.ref}`;
  if (twin) throw refusedPull(`A pull request already exists for ${label}.`);
  await fetchHead(world, repo, { repoId: head.repo.id, sha: head.sha });
  if ((await count(world.repos.dir(repo.id), `${baseSha}..${head.sha}`)) === 0) {
    throw refusedPull(`No commits between ${baseRef} and ${label}`);
  }
  const pull = {
    id: state.nextId(),
    baseRef,
    baseSha,
    headRepoId: head.repo.id,
    headRef: head.ref,
    headSha: head.sha,
    isDraft: body['draft'] === true,
    mergedAt: null,
    mergedById: null,
    mergeCommitSha: null,
    requestedReviewerIds: [],
    mergeAsked: '',
  };
  const issue = newIssue(world, repo, caller, { title, body: textOf(body, 'body') ?? null, pull });
  if (!isPull(issue)) throw new Error('the pull request was left out of its issue');
  await keepHead(world, repo, issue.number, head.sha);
  return issue;
}

function refusedPull(message: string): ApiError {
  return invalid('PullRequest', 'base', 'custom', message);
}

/** `branch`, or `owner:branch` for one in a fork. */
function findHead(
  { world: { state }, repo }: WriteCall,
  head: string,
): { repo: Repo; ref: string; sha: string } {
  const [owner, ref] = head.includes(':')
    ? [head.split(':')[0], head.slice(head.indexOf(':') + 1)]
    : [undefined, head];
  const ownerId = owner === undefined ? repo.ownerId : state.accountNamed(owner)?.id;
  const from = [...state.repos.values()].find(
    (each) => each.ownerId === ownerId && (each.id === repo.id || each.forkOf === repo.id),
  );
  const sha = from?.refs.get(`refs/heads/${ref}`);
  if (!from || sha === undefined) throw invalid('PullRequest', 'head', 'invalid');
  return { repo: from, ref, sha };
}

function branchTip(repo: Repo, branch: string): string {
  const sha = repo.refs.get(`refs/heads/${branch}`);
  if (sha === undefined) throw invalid('PullRequest', 'base', 'invalid');
  return sha;
}

function checkReopen({ world: { state } }: RepoCall, { pull }: PullIssue): void {
  if (pull.mergedAt !== null)
    throw unprocessable('Validation Failed', ['Cannot reopen a merged pull request']);
  const head = state.repo(pull.headRepoId).refs.get(`refs/heads/${pull.headRef}`);
  if (head === undefined)
    throw invalid('PullRequest', 'state', 'invalid', `The ${pull.headRef} branch was deleted.`);
}

function filterOf({ query, world: { state } }: RepoCall): (issue: PullIssue) => boolean {
  const wantedState = query.get('state') ?? 'open';
  const [head, base] = [query.get('head'), query.get('base')];
  return ({ state: is, pull }) => {
    const owner = state.account(state.repo(pull.headRepoId).ownerId).login;
    return (
      (wantedState === 'all' || is === wantedState) &&
      (base === null || pull.baseRef === base) &&
      (head === null || head === `${owner}:${pull.headRef}`)
    );
  };
}

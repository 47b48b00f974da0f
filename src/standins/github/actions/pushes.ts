import { log, readCommit } from '../git/commits.ts';
import { git, tryGit } from '../git/run.ts';
import type { Repo } from '../model.ts';
import { repoPage } from '../render/accounts.ts';
import { showPushedCommit } from '../render/commits.ts';
import { isPull, type PullIssue } from '../render/pulls.ts';
import type { World } from '../world.ts';
import { note, setState, tell } from './issue-changes.ts';
import { markMerged } from './merges.ts';

const NOTHING = '0'.repeat(40);

/**
 * Looks at what the bare repository has become, after a push or a call that moved a ref, and lets everything follow from
 * it: push events, the heads of pull requests, and those that are merged or closed by it. Whoever calls it holds the
 * repository.
 */
export async function followRefs(world: World, repo: Repo, actorId: number): Promise<void> {
  const before = repo.refs;
  const after = await world.repos.refs(repo.id);
  repo.refs = after;
  for (const ref of new Set([...before.keys(), ...after.keys()])) {
    const [from, to] = [before.get(ref), after.get(ref)];
    if (from === to || ref.startsWith('refs/pull/')) continue;
    repo.pushedAt = world.clock.now();
    await tellPush(world, repo, actorId, { ref, from, to });
    if (ref.startsWith('refs/heads/')) await followBranch(world, repo, actorId, { ref, from, to });
  }
}

interface Move {
  readonly ref: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

async function followBranch(world: World, repo: Repo, actorId: number, { ref, to }: Move): Promise<void> {
  const branch = ref.slice('refs/heads/'.length);
  const open = [...world.state.issues.values()].filter(isPull).filter((issue) => issue.state === 'open');
  for (const issue of open) {
    const { pull } = issue;
    if (pull.headRepoId === repo.id && pull.headRef === branch) {
      if (to === undefined) await loseHead(world, issue, actorId);
      else await moveHead(world, issue, actorId, to);
    } else if (issue.repoId === repo.id && pull.baseRef === branch) {
      if (to === undefined) await setState(world, issue, actorId, { state: 'closed' });
      else if (await isIn(world, repo, pull.headSha, to)) await markMerged(world, issue, actorId, to);
    }
  }
}

/** Brings the commits of a head into the repository that they are proposed to, from a fork. */
export async function fetchHead(
  world: World,
  base: Repo,
  head: { repoId: number; sha: string },
): Promise<void> {
  if (head.repoId === base.id) return;
  const from = world.repos.dir(head.repoId);
  await git(world.repos.dir(base.id), ['fetch', '-q', '--no-tags', '--no-write-fetch-head', from, head.sha]);
}

/** Makes the head of a pull request a ref, which stays when the branch is gone. */
export async function keepHead(world: World, base: Repo, number: number, sha: string): Promise<void> {
  await git(world.repos.dir(base.id), ['update-ref', `refs/pull/${number}/head`, sha]);
}

async function moveHead(world: World, issue: PullIssue, actorId: number, to: string): Promise<void> {
  const { pull } = issue;
  const base = world.state.repo(issue.repoId);
  const before = pull.headSha;
  await fetchHead(world, base, { repoId: pull.headRepoId, sha: to });
  await keepHead(world, base, issue.number, to);
  pull.headSha = to;
  pull.baseSha = base.refs.get(`refs/heads/${pull.baseRef}`) ?? pull.baseSha;
  const isForced = !(await isIn(world, base, before, to));
  if (isForced) note(world, issue, 'head_ref_force_pushed', actorId, {}, to);
  else issue.updatedAt = world.clock.now();
  await tell(world, issue, 'synchronize', actorId, { before, after: to });
}

async function loseHead(world: World, issue: PullIssue, actorId: number): Promise<void> {
  note(world, issue, 'head_ref_deleted', actorId);
  await setState(world, issue, actorId, { state: 'closed' });
}

async function tellPush(world: World, repo: Repo, senderId: number, { ref, from, to }: Move): Promise<void> {
  const dir = world.repos.dir(repo.id);
  const isForced = from !== undefined && to !== undefined && !(await isIn(world, repo, from, to));
  const range = from === undefined || isForced ? [to ?? ''] : [`${from}..${to}`];
  // A new branch brings what no other has: here, at most what GitHub shows of any push.
  const commits = to === undefined ? [] : await log(dir, range, ['--max-count=20']);
  const last = to === undefined || commits[0]?.sha === to ? commits[0] : await readCommit(dir, to);
  const sender = world.state.account(senderId);
  const compare = `${repoPage(world, repo)}/compare/${from?.slice(0, 12) ?? NOTHING}...${to?.slice(0, 12) ?? NOTHING}`;
  const payload = {
    ref,
    before: from ?? NOTHING,
    after: to ?? NOTHING,
    pusher: { name: sender.login, email: sender.email },
    created: from === undefined,
    deleted: to === undefined,
    forced: isForced,
    base_ref: null,
    compare,
    commits: commits.toReversed().map((commit) => showPushedCommit(world, repo, commit)),
    head_commit: last ? showPushedCommit(world, repo, last) : null,
  };
  world.events.emit(world, repo, { name: 'push', action: null, payload, senderId });
}

async function isIn(world: World, repo: Repo, older: string, newer: string): Promise<boolean> {
  const { code } = await tryGit(world.repos.dir(repo.id), ['merge-base', '--is-ancestor', older, newer]);
  return code === 0;
}

import { demandRole } from '../access.ts';
import { required } from '../actions/find.ts';
import { followRefs } from '../actions/pushes.ts';
import { ApiError, invalid, notFound, unprocessable } from '../errors.ts';
import { tryGit } from '../git/run.ts';
import type { Repo } from '../model.ts';
import { repoUrl } from '../render/accounts.ts';
import { showRef } from '../render/commits.ts';
import { page, type RepoCall, type Route, readRoute, type WriteCall, writeRoute } from '../routes.ts';

const READ = 'contents:read';
const WRITE = 'contents:write';

/** Refs of git, and branches. */
export const refRoutes: readonly Route[] = [
  readRoute('/git/ref/*', READ, (call) => {
    const ref = refOf(call);
    return { body: showRef(call.world, call.repo, ref, shaOf(call, ref)) };
  }),

  readRoute('/git/matching-refs/*', READ, (call) => {
    const ref = refOf(call);
    notEmpty(call.repo);
    const found = [...call.repo.refs].filter(([name]) => name.startsWith(ref));
    return page(call, found, (slice) =>
      slice.map(([name, sha]) => showRef(call.world, call.repo, name, sha)),
    );
  }),

  writeRoute('POST', '/git/refs', WRITE, async (call) => {
    const ref = required(call, 'Reference', 'ref');
    const sha = required(call, 'Reference', 'sha');
    if (!/^refs\/(heads|tags)\/./.test(ref)) {
      throw unprocessable("Reference name must start with 'refs' and have at least two slashes.");
    }
    if (call.repo.refs.has(ref)) throw unprocessable('Reference already exists');
    await move(call, ref, sha, []);
    return { status: 201, body: showRef(call.world, call.repo, ref, sha) };
  }),

  writeRoute('PATCH', '/git/refs/*', WRITE, async (call) => {
    const ref = refOf(call);
    const before = shaOf(call, ref, 422);
    const sha = required(call, 'Reference', 'sha');
    const dir = call.world.repos.dir(call.repo.id);
    const { code } = await tryGit(dir, ['merge-base', '--is-ancestor', before, sha]);
    if (code === 1 && call.body['force'] !== true) throw unprocessable('Update is not a fast forward');
    await move(call, ref, sha, [before]);
    return { body: showRef(call.world, call.repo, ref, sha) };
  }),

  writeRoute('DELETE', '/git/refs/*', WRITE, async (call) => {
    const ref = refOf(call);
    const before = shaOf(call, ref, 422);
    await change(call, ['update-ref', '-d', ref, before]);
    return { status: 204 };
  }),

  readRoute('/branches', READ, (call) =>
    page(call, branches(call.repo), (slice) =>
      slice.map(([name, sha]) => ({
        name,
        commit: { sha, url: `${repoUrl(call.world, call.repo)}/commits/${sha}` },
        protected: call.repo.protection.has(name),
      })),
    ),
  ),
];

/** Branches with their commits. */
function branches(repo: Repo): [name: string, sha: string][] {
  return [...repo.refs].flatMap(([ref, sha]) =>
    ref.startsWith('refs/heads/') ? [[ref.slice('refs/heads/'.length), sha] as [string, string]] : [],
  );
}

function refOf(call: RepoCall): string {
  return `refs/${call.params['*'] ?? ''}`;
}

function shaOf({ repo }: RepoCall, ref: string, status = 404): string {
  notEmpty(repo);
  const sha = repo.refs.get(ref);
  if (sha !== undefined) return sha;
  throw status === 404 ? notFound() : unprocessable('Reference does not exist');
}

/** 409 for a repository without a commit. */
export function notEmpty(repo: Repo): void {
  if (repo.refs.size === 0) throw new ApiError(409, 'Git Repository is empty.');
}

async function move(call: WriteCall, ref: string, sha: string, before: readonly string[]): Promise<void> {
  demandRole(call.world.state, call.caller, call.repo, 'write');
  const isThere = /^[0-9a-f]{40}$/.test(sha) && (await call.world.repos.resolve(call.repo.id, sha)) === sha;
  if (!isThere) throw unprocessable('Object does not exist');
  await change(call, ['update-ref', ref, sha, ...before]);
}

async function change(call: WriteCall, args: readonly string[]): Promise<void> {
  const { world, repo, caller } = call;
  demandRole(world.state, caller, repo, 'write');
  await world.repos.exclusively(repo.id, async () => {
    const { code, errorText } = await tryGit(world.repos.dir(repo.id), args);
    if (code !== 0) throw invalid('Reference', 'ref', 'invalid', errorText.trim());
    await followRefs(world, repo, caller.account.id);
  });
}

import { demandRole } from '../access.ts';
import { invalid } from '../errors.ts';
import { textOf } from '../json.ts';
import type { CommitStatus } from '../model.ts';
import { repoUrl } from '../render/accounts.ts';
import { showStatus } from '../render/checks.ts';
import { showRepo } from '../render/repos.ts';
import { page, type RepoCall, type Route, readRoute, writeRoute } from '../routes.ts';
import { commitNamed } from './commits.ts';

const STATES = ['error', 'failure', 'pending', 'success'];

/** Statuses of commits, as others than apps write them. */
export const statusRoutes: readonly Route[] = [
  writeRoute('POST', '/statuses/:sha', 'statuses:write', async (call) => {
    const { world, repo, caller, body } = call;
    demandRole(world.state, caller, repo, 'write');
    const state = textOf(body, 'state') ?? '';
    if (!STATES.includes(state)) throw invalid('Status', 'state', 'invalid');
    const status: CommitStatus = {
      id: world.state.nextId(),
      repoId: repo.id,
      sha: await commitNamed(call, call.params['sha'] ?? ''),
      creatorId: caller.account.id,
      state,
      context: textOf(body, 'context') ?? 'default',
      description: textOf(body, 'description') ?? null,
      targetUrl: textOf(body, 'target_url') ?? null,
      createdAt: world.clock.now(),
    };
    world.state.statuses.set(status.id, status);
    return { status: 201, body: showStatus(world, repo, status) };
  }),

  readRoute('/commits/:ref/statuses', 'statuses:read', async (call) => {
    const statuses = await statusesOf(call);
    return page(call, statuses.toReversed(), (slice) =>
      slice.map((status) => showStatus(call.world, call.repo, status)),
    );
  }),

  readRoute('/commits/:ref/status', 'statuses:read', async (call) => {
    const { world, repo } = call;
    const sha = await commitNamed(call, call.params['ref'] ?? '');
    const latest = [...new Map((await statusesOf(call)).map((each) => [each.context, each])).values()];
    const url = repoUrl(world, repo);
    return page(call, latest, (slice) => ({
      state: combined(latest),
      statuses: slice.map((status) => showStatus(world, repo, status)),
      sha,
      total_count: latest.length,
      repository: showRepo(world, repo),
      commit_url: `${url}/commits/${sha}`,
      url: `${url}/commits/${sha}/status`,
    }));
  }),
];

/** No status at all counts as pending, as GitHub says. */
function combined(statuses: readonly CommitStatus[]): string {
  if (statuses.some(({ state }) => state === 'error' || state === 'failure')) return 'failure';
  const isGreen = statuses.length > 0 && statuses.every(({ state }) => state === 'success');
  return isGreen ? 'success' : 'pending';
}

async function statusesOf(call: RepoCall): Promise<CommitStatus[]> {
  const sha = await commitNamed(call, call.params['ref'] ?? '');
  const all = [...call.world.state.statuses.values()];
  return all.filter((status) => status.repoId === call.repo.id && status.sha === sha);
}

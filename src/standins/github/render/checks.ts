import { timeOrNull, timeText } from '../json.ts';
import type { CheckRun, CheckSuite, CommitStatus, Repo } from '../model.ts';
import type { World } from '../world.ts';
import { nodeId, repoPage, repoUrl, showApp, showUser } from './accounts.ts';

export function showCheckRun(world: World, repo: Repo, run: CheckRun): Record<string, unknown> {
  const url = `${repoUrl(world, repo)}/check-runs/${run.id}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CR', run.id),
    head_sha: run.headSha,
    external_id: run.externalId,
    url,
    html_url: `${repoPage(world, repo)}/runs/${run.id}`,
    details_url: run.detailsUrl,
    status: run.status,
    conclusion: run.conclusion,
    started_at: timeOrNull(run.startedAt),
    completed_at: timeOrNull(run.completedAt),
    output: { ...run.output, annotations_count: 0, annotations_url: `${url}/annotations` },
    check_suite: { id: run.suiteId },
    app: showApp(world, world.state.app(run.appId)),
    pull_requests: pullsAt(world, repo, run.headSha),
  };
}

/** The suite's own state is that of its runs together: the worst of those that are done, once all are. */
export function showCheckSuite(world: World, repo: Repo, suite: CheckSuite): Record<string, unknown> {
  const runs = [...world.state.checkRuns.values()].filter((run) => run.suiteId === suite.id);
  const isDone = runs.length > 0 && runs.every((run) => run.status === 'completed');
  const bad = runs.find((run) => !['success', 'neutral', 'skipped'].includes(run.conclusion ?? ''));
  const url = `${repoUrl(world, repo)}/check-suites/${suite.id}`;
  return {
    id: suite.id,
    node_id: nodeId('CS', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    head_commit: suite.headCommit,
    status: isDone ? 'completed' : 'in_progress',
    conclusion: isDone ? (bad?.conclusion ?? 'success') : null,
    url,
    before: null,
    after: suite.headSha,
    pull_requests: pullsAt(world, repo, suite.headSha),
    app: showApp(world, world.state.app(suite.appId)),
    created_at: timeText(suite.createdAt),
    updated_at: timeText(suite.updatedAt),
    latest_check_runs_count: runs.length,
    check_runs_url: `${url}/check-runs`,
  };
}

function pullsAt(world: World, repo: Repo, sha: string): object[] {
  const side = (ref: string, at: string): object => ({
    ref,
    sha: at,
    repo: { id: repo.id, url: repoUrl(world, repo), name: repo.name },
  });
  return world.state.issuesOf(repo).flatMap(({ pull, state, number }) => {
    if (!pull || state !== 'open' || pull.headSha !== sha || pull.headRepoId !== repo.id) return [];
    return [
      {
        url: `${repoUrl(world, repo)}/pulls/${number}`,
        id: pull.id,
        number,
        head: side(pull.headRef, pull.headSha),
        base: side(pull.baseRef, pull.baseSha),
      },
    ];
  });
}

export function showStatus(world: World, repo: Repo, status: CommitStatus): Record<string, unknown> {
  const creator = world.state.account(status.creatorId);
  const shown = showUser(world, creator);
  return {
    url: `${repoUrl(world, repo)}/statuses/${status.sha}`,
    avatar_url: shown['avatar_url'],
    id: status.id,
    node_id: nodeId('SC', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: timeText(status.createdAt),
    updated_at: timeText(status.createdAt),
    creator: shown,
  };
}

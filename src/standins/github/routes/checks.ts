import { required } from '../actions/find.ts';
import { ApiError, invalid, notFound } from '../errors.ts';
import { readCommit, type Signature } from '../git/commits.ts';
import { asObject, textOf, timeText } from '../json.ts';
import type { CheckRun, CheckSuite } from '../model.ts';
import { showCheckRun, showCheckSuite } from '../render/checks.ts';
import { showRepo } from '../render/repos.ts';
import {
  numberParam,
  page,
  type RepoCall,
  type Route,
  readRoute,
  type WriteCall,
  writeRoute,
} from '../routes.ts';
import { commitNamed } from './commits.ts';

/** Check runs, which only apps write, and the suites they form. */
export const checkRoutes: readonly Route[] = [
  writeRoute('POST', '/check-runs', 'checks:write', async (call) => {
    const { world, repo, body } = call;
    const appId = appOf(call);
    const name = required(call, 'CheckRun', 'name');
    const headSha = await commitNamed(call, required(call, 'CheckRun', 'head_sha'));
    const run: CheckRun = {
      id: world.state.nextId(),
      repoId: repo.id,
      appId,
      suiteId: (await suiteFor(call, appId, headSha)).id,
      headSha,
      name,
      status: 'queued',
      conclusion: null,
      startedAt: world.clock.now(),
      completedAt: null,
      detailsUrl: textOf(body, 'details_url') ?? world.state.app(appId).url,
      externalId: textOf(body, 'external_id') ?? '',
      output: { title: null, summary: null, text: null },
    };
    update(call, run);
    world.state.checkRuns.set(run.id, run);
    tellRun(call, run, 'created');
    return { status: 201, body: showCheckRun(world, repo, run) };
  }),

  writeRoute('PATCH', '/check-runs/:run', 'checks:write', (call) => {
    const run = runOf(call);
    if (run.appId !== appOf(call))
      throw new ApiError(403, 'Invalid app_id `check_run` was created by another app.');
    const before = run.status;
    update(call, run);
    if (before !== run.status) tellRun(call, run, run.status === 'completed' ? 'completed' : 'created');
    return { body: showCheckRun(call.world, call.repo, run) };
  }),

  readRoute('/check-runs/:run', 'checks:read', (call) => ({
    body: showCheckRun(call.world, call.repo, runOf(call)),
  })),

  readRoute('/commits/:ref/check-runs', 'checks:read', async (call) => {
    const sha = await commitNamed(call, call.params['ref'] ?? '');
    const [name, status] = [call.query.get('check_name'), call.query.get('status')];
    const runs = ownRuns(call)
      .filter((run) => run.headSha === sha && (name === null || run.name === name))
      .filter((run) => status === null || run.status === status);
    const latest = call.query.get('filter') === 'all' ? runs : newestOfEach(runs);
    return page(call, latest, (slice) => ({
      total_count: latest.length,
      check_runs: slice.map((run) => showCheckRun(call.world, call.repo, run)),
    }));
  }),

  readRoute('/commits/:ref/check-suites', 'checks:read', async (call) => {
    const { world, repo } = call;
    const sha = await commitNamed(call, call.params['ref'] ?? '');
    const all = [...world.state.checkSuites.values()];
    const suites = all.filter((suite) => suite.repoId === repo.id && suite.headSha === sha);
    return page(call, suites, (slice) => ({
      total_count: suites.length,
      check_suites: slice.map((suite) => ({
        ...showCheckSuite(world, repo, suite),
        repository: showRepo(world, repo),
      })),
    }));
  }),
];

function ownRuns({ world, repo }: RepoCall): CheckRun[] {
  return [...world.state.checkRuns.values()].filter((run) => run.repoId === repo.id);
}

/** A later run of the same name and app takes the place of an earlier one. */
function newestOfEach(runs: readonly CheckRun[]): CheckRun[] {
  return [...new Map(runs.map((run) => [`${run.appId} ${run.name}`, run])).values()];
}

function runOf(call: RepoCall): CheckRun {
  const run = call.world.state.checkRuns.get(numberParam(call, 'run'));
  if (!run || run.repoId !== call.repo.id) throw notFound();
  return run;
}

function appOf({ caller }: WriteCall): number {
  if (caller.kind === 'installation') return caller.app.id;
  throw new ApiError(403, 'You must authenticate via a GitHub App.');
}

async function suiteFor({ world, repo }: WriteCall, appId: number, headSha: string): Promise<CheckSuite> {
  const { state, clock } = world;
  const found = [...state.checkSuites.values()].find(
    (suite) => suite.repoId === repo.id && suite.appId === appId && suite.headSha === headSha,
  );
  if (found) return found;
  const branch = [...repo.refs].find(([ref, sha]) => sha === headSha && ref.startsWith('refs/heads/'))?.[0];
  const { tree, message, author, committer } = await readCommit(world.repos.dir(repo.id), headSha);
  const person = ({ name, email }: Signature) => ({ name, email });
  const now = clock.now();
  const suite: CheckSuite = {
    id: state.nextId(),
    repoId: repo.id,
    appId,
    headSha,
    headBranch: branch?.slice('refs/heads/'.length) ?? null,
    headCommit: {
      id: headSha,
      tree_id: tree,
      message,
      timestamp: timeText(committer.at),
      author: person(author),
      committer: person(committer),
    },
    createdAt: now,
    updatedAt: now,
  };
  state.checkSuites.set(suite.id, suite);
  return suite;
}

const CONCLUSIONS = [
  'success',
  'failure',
  'neutral',
  'cancelled',
  'skipped',
  'timed_out',
  'action_required',
  'stale',
];

function update({ world, body }: WriteCall, run: CheckRun): void {
  const conclusion = textOf(body, 'conclusion');
  if (conclusion !== undefined && !CONCLUSIONS.includes(conclusion)) {
    throw invalid('CheckRun', 'conclusion', 'invalid');
  }
  run.name = textOf(body, 'name') ?? run.name;
  run.status = conclusion !== undefined ? 'completed' : (textOf(body, 'status') ?? run.status);
  run.conclusion = conclusion ?? run.conclusion;
  if (run.status === 'completed') {
    if (run.conclusion === null) throw invalid('CheckRun', 'conclusion', 'missing_field');
    run.completedAt ??= world.clock.now();
  }
  const output = asObject(body['output']);
  if (output) {
    run.output = {
      title: textOf(output, 'title') ?? null,
      summary: textOf(output, 'summary') ?? null,
      text: textOf(output, 'text') ?? null,
    };
  }
}

function tellRun(call: WriteCall, run: CheckRun, action: 'created' | 'completed'): void {
  const { world, repo, caller } = call;
  const suite = world.state.checkSuites.get(run.suiteId);
  if (!suite) throw new Error(`check run ${run.id} has no suite`);
  suite.updatedAt = world.clock.now();
  const shown = showCheckSuite(world, repo, suite);
  const event = { senderId: caller.account.id };
  const runPayload = { check_run: { ...showCheckRun(world, repo, run), check_suite: shown } };
  world.events.emit(world, repo, { ...event, name: 'check_run', action, payload: runPayload });
  if (run.status === 'completed' && action === 'created') {
    world.events.emit(world, repo, { ...event, name: 'check_run', action: 'completed', payload: runPayload });
  }
  if (shown['status'] !== 'completed') return;
  const payload = { check_suite: shown };
  world.events.emit(world, repo, { ...event, name: 'check_suite', action: 'completed', payload });
}

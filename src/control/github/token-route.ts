import type { FastifyInstance } from 'fastify';
import { type GitHubToken, GitHubTokenRequest } from '#core/api-runs.ts';
import { isForeignBranch, permissionsOf, repositoryOf } from '#core/github-action.ts';
import type { TaskState } from '#core/task-states.ts';
import { githubError } from '#integrations/github/github-error.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { Logger } from '#lib/log.ts';
import { refuse } from '../api/refuse.ts';
import { readRequest } from '../api/request.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { triesUpTo } from '../tasks/tries.ts';
import type { Identities } from './identities.ts';

export interface TokenRouteOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Undefined where the fleet has no GitHub. */
  readonly identities: Identities | undefined;
  readonly log: Logger;
}

/** What a token is to be good for, and the approval that it is given for. */
interface Granted {
  readonly repository: string;
  readonly permissions: Readonly<Record<string, 'read' | 'write'>>;
  readonly approval?: ApprovalRecord;
  /** Where on GitHub the task comes from, if that is in this repository. */
  readonly askedIn?: number | undefined;
}

/** Where a run is that may have something done. */
const AT_WORK: readonly TaskState[] = ['released', 'claimed', 'running'];
/** Less than the daemon waits for its answer. */
const MINT_WITHIN_MS = 15_000;

/**
 * `/runs/{id}/github-token`: with what an agent's daemon reads a repository, or writes in it the one thing that is
 * approved. Such a token is good for that repository alone and kept nowhere here; that it was given is on the record.
 */
export function addTokenRoute(app: FastifyInstance, options: TokenRouteOptions): void {
  const { store, context, identities, log } = options;
  app.post<{ Params: { id: string } }>('/runs/:id/github-token', async (request, reply) => {
    const wanted = readRequest(GitHubTokenRequest, request.body);
    const { agent = '' } = request.caller;
    const granted = await grantedTo(store.read, { agent, runId: request.params.id, wanted });
    if (typeof granted === 'string') return reply.code(404).send(refuse('not_approved', granted));
    if (!identities) {
      const sentence = 'this fleet works in no repositories: set github in the inventory';
      return reply.code(409).send(refuse('no_github', sentence));
    }
    const { approval, repository, askedIn } = granted;
    try {
      // Between two attempts octokit heeds no signal.
      const token = await withDeadline('a token', MINT_WITHIN_MS, AbortSignal.any([]), (signal) =>
        identities.tokenFor(agent, granted, signal),
      );
      if (typeof token === 'string') return reply.code(409).send(refuse('no_github', token));
      if (approval) await store.transaction((tx) => recordGiven(tx, context, approval, agent));
      const answer = { ...token, ...(askedIn === undefined ? {} : { askedIn }) } satisfies GitHubToken;
      return await reply.header('cache-control', 'no-store').send(answer);
    } catch (error) {
      const { message } = githubError(`a token for ${repository}`, error, context.now());
      log.warn({ agent, repository, reason: message }, 'GitHub gives no token');
      return reply.code(502).send(refuse('no_token', message));
    }
  });
}

/** What this run may be given a token for, or why it may not. */
async function grantedTo(
  tx: Repositories,
  {
    agent,
    runId,
    wanted,
  }: { readonly agent: string; readonly runId: string; readonly wanted: GitHubTokenRequest },
): Promise<Granted | string> {
  const run = await tx.runs.byId(runId);
  if (run?.agent !== agent) return `there is no run ${runId} of ${agent || 'an agent'}`;
  const task = await tx.tasks.byId(run.taskId);
  if (!task || task.epoch !== run.epoch || !AT_WORK.includes(task.state)) return `run ${runId} is over`;
  if ('read' in wanted) return { repository: wanted.read, permissions: { contents: 'read' } };
  const approval = await tx.approvals.byDedupKey(`${agent}:${wanted.key}`);
  if (approval?.taskId !== run.taskId || approval.state !== 'approved') return 'it is not approved';
  const action = 'action' in approval.asks ? approval.asks.action : undefined;
  const repository = action && repositoryOf(action);
  const permissions = action && permissionsOf(action.kind);
  if (!repository || !permissions) return 'it is nothing that is written to GitHub';
  if (isForeignBranch(action, agent)) return `it is about a branch that is not one of agent/${agent}/`;
  const from = await originOf(tx, task);
  const isThere = from?.repo.toLowerCase() === repository.toLowerCase();
  return { repository, permissions, approval, askedIn: isThere ? from?.number : undefined };
}

/** Where on GitHub a task was asked for, or the one that it is another try of, or a part of. */
async function originOf(tx: Repositories, task: TaskRecord): ReturnType<typeof tx.github.askedIn> {
  const found = await tx.github.askedIn(await triesUpTo(tx, task));
  const parent = found || task.parentId === undefined ? undefined : await tx.tasks.byId(task.parentId);
  return parent ? originOf(tx, parent) : found;
}

function recordGiven(
  tx: Repositories,
  context: ControlContext,
  { id, state, summary }: ApprovalRecord,
  agent: string,
): Promise<void> {
  const why = `a token for it: ${summary}`;
  const change = { who: 'control', what: 'give-token', entity: 'approval', entityId: id, state } as const;
  return record(tx, context, { ...change, why, agent });
}

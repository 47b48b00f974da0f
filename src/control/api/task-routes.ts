import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NewTask, TaskDecision } from '#core/api.ts';
import { TaskQuery } from '#core/api-queries.ts';
import { isTerminal } from '#core/task-states.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import { newNonce } from '#lib/id.ts';
import { type AdmissionOptions, admit } from '../admission/admission.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import { longTextOf } from '../artifacts/long-text.ts';
import { cancelTask } from '../cancel/cancel.ts';
import { neededBy } from '../dependencies/settle.ts';
import { agentView } from '../registry/registry.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { retryReason, retryTask } from '../tasks/retry.ts';
import { latestTry, retryKey } from '../tasks/tries.ts';
import { whyOf } from '../tasks/why.ts';
import { actingName, ownKey } from './access.ts';
import { refuse } from './refuse.ts';
import { InvalidRequest, readRequest } from './request.ts';
import { taskDetail, taskView } from './views.ts';

export interface TaskRoutesOptions {
  readonly admission: AdmissionOptions;
  /** Called after a task was asked to end. */
  readonly onCancelled: () => void;
}

type WithId = { Params: { id: string } };

/** `/tasks`: what there is to do, what became of it, and a person's say in it. */
export function addTaskRoutes(app: FastifyInstance, options: TaskRoutesOptions, artifacts: Artifacts): void {
  const { admission, onCancelled } = options;
  const { store, context, onDecided } = admission;

  app.get('/tasks', async (request, reply) => {
    const query = readRequest(TaskQuery, request.query);
    const { before } = query;
    if (before !== undefined && !(await store.read.tasks.byId(before)))
      return reply.code(404).send(refuse('unknown_task', `there is no task ${before} to list those before`));
    return { tasks: (await store.read.tasks.list(query)).map(taskView) };
  });
  app.post('/tasks', async (request, reply) => {
    const { dedupKey = newNonce(), by: given, text, textArtifact, ...wanted } = newTaskIn(request);
    const { debounce } = wanted;
    const by = actingName(request, given);
    const long = textArtifact && (await longTextOf(textArtifact, `person/${by}`, artifacts));
    if (long && long.kind !== 'there') return reply.code(422).send(refuse('unknown_artifact', long.sentence));
    const requester = { id: `api:${by}`, name: by, kind: 'human' as const };
    const asked = {
      author: CONTROL_NAME,
      by: `person/${by}` as const,
      request: {
        ...wanted,
        text: long ? long.beginning : (text ?? ''),
        dedupKey: ownKey(request, dedupKey),
        ...(debounce ? { debounce: { ...debounce, key: ownKey(request, debounce.key) } } : {}),
        requester,
      },
      depth: 0,
      textArtifact: long ? long.ref : undefined,
    };
    const key = `${CONTROL_NAME}:${asked.request.dedupKey}`;
    const { task, other } = await store.transaction(async (tx) => {
      const known = await tx.tasks.byDedupKey(key);
      const other = known && !isSame(known, asked.request) ? known : undefined;
      return other ? { other } : { task: await admit(tx, admission, asked) };
    });
    if (!task) {
      const sentence = `this dedupKey was used for another task, ${other.id}: take a new one`;
      return reply.code(422).send(refuse('key_used', sentence));
    }
    onDecided();
    return reply.code(201).send(taskView(task));
  });
  app.get<WithId>('/tasks/:id', async (request, reply) =>
    withTask(store.read, request.params.id, reply, async (task) =>
      taskDetail(task, {
        runs: await store.read.runs.ofTask(task.id),
        changes: await store.read.audit.of('task', task.id),
        children: await store.read.tasks.childrenOf(task.id),
        ...(await waitOf(store.read, task.id)),
      }),
    ),
  );
  app.get<WithId>('/tasks/:id/why', async (request, reply) =>
    withTask(store.read, request.params.id, reply, async (task) => {
      const agent = await store.read.agents.byName(task.agent);
      const now = context.now();
      const inFlight = await store.read.tasks.inFlightOf(task.agent);
      const waiting = await waitOf(store.read, task.id);
      const pending = (await store.read.approvals.ofTask(task.id)).find(({ state }) => state === 'pending');
      return whyOf(task, { agent: agent && agentView(agent, now), inFlight, ...waiting, pending, now });
    }),
  );
  app.post<WithId>('/tasks/:id/cancel', async (request, reply) => {
    const { by: given, why } = readRequest(TaskDecision, request.body);
    const by = actingName(request, given);
    const answer = await store.transaction((tx) =>
      withTask(tx, request.params.id, reply, async (task) => {
        const outcome = await cancelTask(tx, context, task, { by, why });
        if (outcome.kind === 'cancelled') return taskView(outcome.task);
        return reply
          .code(409)
          .send(refuse('not_cancelled', `task ${task.id} was not cancelled: ${outcome.sentence}`));
      }),
    );
    onDecided();
    onCancelled();
    return answer;
  });
  app.post<WithId>('/tasks/:id/retry', async (request, reply) => {
    const { by: given, why } = readRequest(TaskDecision, request.body);
    const by = actingName(request, given);
    const answer = await store.transaction((tx) =>
      withTask(tx, request.params.id, reply, async (task) => {
        const latest = await latestTry(tx, task);
        if (latest.id !== task.id && !isTerminal(latest.state)) return taskView(latest); // asked twice
        const outcome = await retryTask(tx, context, latest, { by, why, deadlineMs: admission.deadlineMs });
        if (outcome.kind === 'queued') return taskView(outcome.task);
        if (outcome.kind === 'again') return taskView(await askAgain(tx, admission, latest, { by, why }));
        return reply
          .code(409)
          .send(refuse('not_retried', `task ${latest.id} is not tried again: ${outcome.sentence}`));
      }),
    );
    onDecided();
    return answer;
  });
}

/** A request with its text, which is given in one of two ways; a held one may take another's words, which are short. */
function newTaskIn({ body }: FastifyRequest): NewTask {
  const wanted = readRequest(NewTask, body);
  if ((wanted.text === undefined) === (wanted.textArtifact === undefined))
    throw new InvalidRequest('give either text or, for one that is too long for a request, textArtifact');
  if (wanted.textArtifact !== undefined && wanted.debounce !== undefined)
    throw new InvalidRequest('a text that is an artifact cannot wait for later ones: leave debounce out');
  return wanted;
}

/** Whether it was this that was asked for. The words of one that is held are those of whoever came last. */
function isSame(
  known: TaskRecord,
  { agent, text, debounce }: Pick<NewTask, 'agent' | 'debounce'> & { readonly text: string },
): boolean {
  return known.agent === agent && (debounce !== undefined || known.text === text.toWellFormed());
}

/** The same as a new task, which speaks in the same conversation. */
async function askAgain(
  tx: Repositories,
  admission: AdmissionOptions,
  task: TaskRecord,
  { by, why }: { readonly by: string; readonly why: string | undefined },
): Promise<TaskRecord> {
  const { id, author, agent, text, domain, depth, priority, trust, conversation, requester } = task;
  admission.log.info({ taskId: id, by }, 'task asked again');
  const wait = await tx.dependencies.of(id);
  const request = {
    dedupKey: retryKey(id),
    agent,
    text,
    domain,
    priority,
    requester,
    ...(conversation ? { conversation } : {}),
  };
  return admit(tx, admission, {
    author,
    by: `person/${by}`,
    why: why && retryReason(why),
    request,
    depth,
    trust,
    keysOf: CONTROL_NAME,
    textArtifact: task.textArtifact,
    parentId: task.parentId,
    // It comes after the same as before, which means the latest tries of those, and waits as long for them.
    wait: wait && { ...wait, until: wait.until && admission.context.now() + (wait.until - task.createdAt) },
  });
}

async function waitOf(
  read: Repositories,
  taskId: string,
): Promise<{ wait: Wait | undefined; after: TaskRecord[] }> {
  const wait = await read.dependencies.of(taskId);
  return { wait, after: wait ? await neededBy(read, wait) : [] };
}

async function withTask(
  repositories: Repositories,
  id: string,
  reply: FastifyReply,
  work: (task: TaskRecord) => Promise<unknown>,
): Promise<unknown> {
  const task = await repositories.tasks.byId(id);
  if (task) return work(task);
  return reply.code(404).send(refuse('unknown_task', `there is no task ${id}`));
}

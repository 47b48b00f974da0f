import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NewTask, TaskDecision } from '#core/api.ts';
import { TaskQuery } from '#core/api-queries.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import { newNonce } from '#lib/id.ts';
import { type AdmissionOptions, admit } from '../admission/admission.ts';
import { tryAgain } from '../admission/try-again.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import { longTextOf } from '../artifacts/long-text.ts';
import { cancelTask } from '../cancel/cancel.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { waitOf, whyNow } from '../tasks/why-now.ts';
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
    withTask(store.read, request.params.id, reply, (task) => whyNow(store.read, task, context.now())),
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
        const outcome = await tryAgain(tx, admission, task, { by, why });
        if (outcome.kind === 'tried') return taskView(outcome.task);
        return reply
          .code(409)
          .send(refuse('not_retried', `task ${outcome.task.id} is not tried again: ${outcome.sentence}`));
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

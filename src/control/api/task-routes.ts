import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { NewTask, TaskDecision } from '#core/api.ts';
import { isTerminal, taskStates } from '#core/task-states.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import { newNonce } from '#lib/id.ts';
import { type AdmissionOptions, admit } from '../admission/admission.ts';
import { cancelTask } from '../cancel/cancel.ts';
import { agentView } from '../registry/registry.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { retryTask } from '../tasks/retry.ts';
import { whyOf } from '../tasks/why.ts';
import { actingName } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';
import { taskDetail, taskView } from './views.ts';

export interface TaskRoutesOptions {
  readonly admission: AdmissionOptions;
  /** Called after a task was asked to end. */
  readonly onCancelled: () => void;
}

const TaskQuery = z.strictObject({
  agent: z.string().optional(),
  state: z.enum(taskStates).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});
type WithId = { Params: { id: string } };

/** `/tasks`: what there is to do, what became of it, and a person's say in it. */
export function addTaskRoutes(app: FastifyInstance, options: TaskRoutesOptions): void {
  const { admission, onCancelled } = options;
  const { store, context, onDecided } = admission;

  app.get('/tasks', async (request) => {
    const query = readRequest(TaskQuery, request.query);
    return { tasks: (await store.read.tasks.list(query)).map(taskView) };
  });
  app.post('/tasks', async (request, reply) => {
    const { agent, text, priority, dedupKey = newNonce(), ...given } = readRequest(NewTask, request.body);
    const by = actingName(request, given.by);
    const requester = { id: `api:${by}`, name: by, kind: 'human' as const };
    const asked = {
      author: CONTROL_NAME,
      by: `person/${by}` as const,
      // Apart from keys that are made here, and from those of other tokens.
      request: { dedupKey: `api:${request.caller.name ?? ''}:${dedupKey}`, agent, text, priority, requester },
      depth: 0,
    };
    const task = await store.transaction((tx) => admit(tx, admission, asked));
    onDecided();
    return reply.code(201).send(taskView(task));
  });
  app.get<WithId>('/tasks/:id', async (request, reply) =>
    withTask(store.read, request.params.id, reply, async (task) =>
      taskDetail(task, await store.read.runs.ofTask(task.id), await store.read.audit.of('task', task.id)),
    ),
  );
  app.get<WithId>('/tasks/:id/why', async (request, reply) =>
    withTask(store.read, request.params.id, reply, async (task) => {
      const agent = await store.read.agents.byName(task.agent);
      const now = context.now();
      const inFlight = (await store.read.tasks.inFlight()).get(task.agent) ?? 0;
      return whyOf(task, { agent: agent && agentView(agent, now), inFlight, now });
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
    const by = actingName(request, readRequest(TaskDecision, request.body).by);
    const answer = await store.transaction((tx) =>
      withTask(tx, request.params.id, reply, async (task) => {
        const latest = await latestTry(tx, task);
        if (latest.id !== task.id && !isTerminal(latest.state)) return taskView(latest); // asked twice
        const outcome = await retryTask(tx, context, latest, { by, deadlineMs: admission.deadlineMs });
        if (outcome.kind === 'queued') return taskView(outcome.task);
        if (outcome.kind === 'again') return taskView(await askAgain(tx, admission, latest, by));
        return reply
          .code(409)
          .send(refuse('not_retried', `task ${latest.id} is not tried again: ${outcome.sentence}`));
      }),
    );
    onDecided();
    return answer;
  });
}

/** The task that came of trying this one again, if somebody has, and so on. */
async function latestTry(tx: Repositories, task: TaskRecord): Promise<TaskRecord> {
  const next = await tx.tasks.byDedupKey(`${CONTROL_NAME}:${retryKey(task.id)}`);
  return next ? latestTry(tx, next) : task;
}

function retryKey(taskId: string): string {
  return `retry:${taskId}`;
}

/** The same as a new task, which speaks in the same conversation. */
function askAgain(
  tx: Repositories,
  admission: AdmissionOptions,
  { id, author, agent, text, domain, depth, priority, conversation, requester }: TaskRecord,
  by: string,
): Promise<TaskRecord> {
  admission.log.info({ taskId: id, by }, 'task asked again');
  const request = {
    dedupKey: retryKey(id),
    agent,
    text,
    domain,
    priority,
    requester,
    ...(conversation ? { conversation } : {}),
  };
  return admit(tx, admission, { author, by: `person/${by}`, request, depth, keysOf: CONTROL_NAME });
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

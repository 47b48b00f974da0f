import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { type Scheduled, ScheduleRequest } from '#core/api.ts';
import { rejectionForCaller } from '#core/rejections.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import { newNonce } from '#lib/id.ts';
import { type AdmissionOptions, admit } from '../admission/admission.ts';
import { agentForWork } from '../registry/choose-agent.ts';
import type { TaskRecord } from '../store/records.ts';
import { actingName } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';

const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'Idempotency-Key: write 1 to 255 visible ASCII characters')
  .optional();

/**
 * `/schedule`, `/tasks` and `/agents`, as GuildNet's orchestrator has them. Work comes in by the same admission as
 * everywhere; what is there to see is seen under /v1. Asked again with the same `Idempotency-Key`, nothing is made.
 */
export function addScheduleRoutes(app: FastifyInstance, admission: AdmissionOptions): void {
  const { store, context, onDecided } = admission;

  app.post('/schedule', async (request, reply) => {
    const { org, task: asked, ...given } = readRequest(ScheduleRequest, request.body);
    const key = readRequest(IdempotencyKey, request.headers['idempotency-key']) ?? newNonce();
    const by = actingName(request, given.by);
    if (org !== context.fleet) {
      const sentence = `this is the control plane of ${context.fleet}, not of ${org}: write ${context.fleet} as org, or ask the one of ${org}`;
      return reply.code(404).send(refuse('unknown_org', sentence));
    }
    const { text, priority, domain, ...wanted } = typeof asked === 'string' ? { text: asked } : asked;
    const dedupKey = `schedule:${by}:${key}`;
    const task = await store.transaction(async (tx) => {
      const known = await tx.tasks.byDedupKey(`${CONTROL_NAME}:${dedupKey}`);
      if (known) return known;
      const agent = wanted.agent ?? (await agentForWork(tx, domain, context.now()))?.name;
      if (agent === undefined) return undefined;
      const requester = { id: `api:${by}`, name: by, kind: 'human' as const };
      return admit(tx, admission, {
        author: CONTROL_NAME,
        by: `person/${by}`,
        request: { dedupKey, agent, text, domain, priority, requester },
        depth: 0,
      });
    });
    if (!task) return reply.code(422).send(refuse('no_agent', nobody(domain)));
    if (task.text !== text) {
      const sentence = `this Idempotency-Key was used for another task, ${task.id}: take a new one`;
      return reply.code(422).send(refuse('key_used', sentence));
    }
    onDecided();
    return answer(reply, task);
  });

  for (const list of ['tasks', 'agents']) {
    app.get(`/${list}`, async (request, reply) => reply.redirect(`/v1${request.url}`, 308));
  }
}

function answer(reply: FastifyReply, task: TaskRecord): FastifyReply {
  if (task.state === 'rejected') {
    const { reason = 'rejected' } = task;
    const cause = rejectionForCaller(reason)?.cause ?? 'It was refused.';
    const sentence = `task ${task.id} was refused. ${cause} Mend that, and ask with a new Idempotency-Key`;
    return reply.code(reason === 'rate_limited' ? 429 : 422).send(refuse(reason, sentence));
  }
  const found = `/v1/tasks/${task.id}`;
  const scheduled: Scheduled = {
    id: task.id,
    agent: task.agent,
    state: task.state,
    task: found,
    events: `/v1/events?task=${task.id}&after=0`,
  };
  return reply.code(202).header('location', found).send(scheduled);
}

function nobody(domain: string | undefined): string {
  const whom =
    domain === undefined ? 'No agent is a lead' : `No agent is of the domain ${domain}, and none is a lead`;
  return `${whom}: name an agent of GET /v1/agents in task.agent`;
}

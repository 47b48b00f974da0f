import { createHash, timingSafeEqual } from 'node:crypto';
import { type FastifyInstance, fastify } from 'fastify';
import type { HealthView } from '#core/api.ts';
import { apiRoutes, openApiOf } from '#core/api-routes.ts';
import { messageOf } from '#core/errors.ts';
import type { Clock } from '#lib/clock.ts';
import type { PartHealth } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { Letters } from '../dead-letters/letters.ts';
import type { Store } from '../store/store.ts';
import { type AgentRoutesOptions, addAgentRoutes } from './agent-routes.ts';
import { type ApprovalRoutesOptions, addApprovalRoutes } from './approval-routes.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addDeadLetterRoutes } from './dead-letter-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { refuse } from './refuse.ts';
import { InvalidRequest } from './request.ts';
import { addTaskRoutes, type TaskRoutesOptions } from './task-routes.ts';
import { addWorkflowRoutes, type WorkflowRoutesOptions } from './workflow-routes.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly agents: AgentRoutesOptions;
  readonly tasks: TaskRoutesOptions;
  readonly workflows: WorkflowRoutesOptions;
  readonly approvals: ApprovalRoutesOptions;
  readonly letters: Letters;
  readonly token: string;
  readonly version: string;
  readonly clock: Clock;
  readonly health: () => PartHealth[];
  readonly metrics: () => Promise<{ contentType: string; body: string }>;
  readonly log: Logger;
}

/** The HTTP API. It never listens by itself: `api-server.ts` does. Every refusal is `{code, message}` with a sentence. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { store, clock } = options;
  const app = fastify({ logger: false, requestTimeout: 10_000, bodyLimit: 65_536 });
  const expected = digest(options.token);

  app.setNotFoundHandler(async (request, reply) => {
    return reply
      .code(404)
      .send(refuse('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`));
  });
  app.setErrorHandler(async (error, request, reply) => {
    if (error instanceof InvalidRequest)
      return reply.code(400).send(refuse('invalid_request', error.message));
    const { statusCode } = error as { statusCode?: number };
    if (statusCode !== undefined && statusCode < 500) {
      return reply.code(statusCode).send(refuse('invalid_request', messageOf(error)));
    }
    options.log.error({ err: error, method: request.method, url: request.url }, 'request failed');
    return reply.code(500).send(refuse('internal', 'the control plane failed; its log says why'));
  });

  app.get('/healthz', async (_request, reply) => {
    const parts = options.health();
    const ok = parts.every((part) => part.live && part.ready);
    const view: HealthView = { status: ok ? 'ok' : 'degraded', version: options.version, parts };
    return reply.code(ok ? 200 : 503).send(view);
  });
  app.get('/v1/openapi.json', async () => openApiOf(apiRoutes));
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await options.metrics();
    return reply.type(contentType).send(body);
  });

  app.register(
    async (v1) => {
      v1.addHook('onRequest', async (request, reply) => {
        const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
        if (given && timingSafeEqual(digest(given), expected)) return undefined;
        const message = given
          ? 'this token is not the one of the control plane: compare OLYMPUS_API_TOKEN with its token file'
          : 'a bearer token is needed: set OLYMPUS_API_TOKEN';
        return reply.code(401).send(refuse('unauthorized', message));
      });

      addAgentRoutes(v1, options.agents);
      addTaskRoutes(v1, options.tasks);
      addWorkflowRoutes(v1, options.workflows);
      addApprovalRoutes(v1, options.approvals);
      addAuditRoutes(v1, store);
      addEventRoutes(v1, { store, clock });
      addDeadLetterRoutes(v1, options.letters);
    },
    { prefix: '/v1' },
  );
  return app;
}

/** Of equal length whatever was given, so that comparing takes the same time. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

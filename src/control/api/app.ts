import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { HealthView } from '#core/api.ts';
import { apiRoutes } from '#core/api-routes.ts';
import { messageOf } from '#core/errors.ts';
import { openApiOf } from '#core/open-api.ts';
import type { Clock } from '#lib/clock.ts';
import type { PartHealth } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import { addPressRoute, type PressOptions } from '../chat/presses.ts';
import type { Letters } from '../dead-letters/letters.ts';
import { addTokenRoute, type TokenRouteOptions } from '../github/token-route.ts';
import { addWebhookRoute, type WebhookOptions } from '../github/webhook-route.ts';
import type { Store } from '../store/store.ts';
import { Forbidden, guardRoutes, stillAllowed } from './access.ts';
import { type AgentRoutesOptions, addAgentRoutes } from './agent-routes.ts';
import { type ApprovalRoutesOptions, addApprovalRoutes } from './approval-routes.ts';
import { addArtifactRoutes } from './artifact-routes.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addDeadLetterRoutes } from './dead-letter-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { refuse } from './refuse.ts';
import { InvalidRequest } from './request.ts';
import { addRunRoutes } from './run-routes.ts';
import { addScheduleRoutes } from './schedule-routes.ts';
import { addTaskRoutes, type TaskRoutesOptions } from './task-routes.ts';
import type { ApiTokens } from './tokens.ts';
import { addWorkflowRoutes, type WorkflowRoutesOptions } from './workflow-routes.ts';

/** The most bytes that a request may have, where its route does not say otherwise. */
const BODY_LIMIT = 65_536;

export interface ApiOptions {
  readonly store: Store;
  readonly agents: AgentRoutesOptions;
  readonly tasks: TaskRoutesOptions;
  readonly workflows: WorkflowRoutesOptions;
  readonly approvals: ApprovalRoutesOptions;
  /** Where there are cards. */
  readonly presses: PressOptions | undefined;
  /** Where GitHub is used. */
  readonly webhook: WebhookOptions | undefined;
  readonly githubTokens: TokenRouteOptions;
  readonly letters: Letters;
  readonly artifacts: Artifacts;
  readonly tokens: ApiTokens;
  readonly version: string;
  readonly clock: Clock;
  readonly health: () => PartHealth[];
  readonly metrics: () => Promise<{ contentType: string; body: string }>;
  readonly log: Logger;
}

/** The HTTP API. It never listens by itself: `api-server.ts` does. Every refusal is `{code, message}` with a sentence. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { store, clock, tokens } = options;
  const app = fastify({ logger: false, requestTimeout: 10_000, bodyLimit: BODY_LIMIT });

  app.setNotFoundHandler(async (request, reply) => {
    return reply
      .code(404)
      .send(refuse('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`));
  });
  app.setErrorHandler(async (error, request, reply) => {
    if (error instanceof InvalidRequest)
      return reply.code(400).send(refuse('invalid_request', error.message));
    if (error instanceof Forbidden) return reply.code(403).send(refuse('forbidden', error.message));
    const { statusCode } = error as { statusCode?: number };
    if (statusCode === 413) {
      const limit = request.routeOptions.bodyLimit ?? BODY_LIMIT;
      return reply
        .code(413)
        .send(refuse('too_long', `a request may have at most ${limit} bytes, and this one has more`));
    }
    if (statusCode !== undefined && statusCode < 500) {
      return reply.code(statusCode).send(refuse('invalid_request', messageOf(error)));
    }
    options.log.error({ err: error, method: request.method, url: request.url }, 'request failed');
    return reply.code(500).send(refuse('internal', 'the control plane failed; its log says why'));
  });

  const health = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const parts = options.health();
    const ok = parts.every((part) => part.live && part.ready);
    const view: HealthView = { status: ok ? 'ok' : 'degraded', version: options.version, parts };
    return reply.code(ok ? 200 : 503).send(view);
  };
  app.get('/healthz', health);
  app.get('/health', health);
  app.get('/v1/openapi.json', async () => openApiOf(apiRoutes));
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await options.metrics();
    return reply.type(contentType).send(body);
  });

  if (options.presses) addPressRoute(app, options.presses);
  if (options.webhook) addWebhookRoute(app, options.webhook);
  app.register(async (older) => {
    guardRoutes(older, tokens);
    addScheduleRoutes(older, options.tasks.admission);
  });
  app.register(
    async (v1) => {
      guardRoutes(v1, tokens);

      addAgentRoutes(v1, options.agents);
      addTaskRoutes(v1, options.tasks, options.artifacts);
      addRunRoutes(v1, store, options.artifacts);
      addTokenRoute(v1, options.githubTokens);
      addWorkflowRoutes(v1, options.workflows);
      addApprovalRoutes(v1, options.approvals);
      addAuditRoutes(v1, store);
      addEventRoutes(v1, { store, clock, allowed: (request) => stillAllowed(request, tokens) });
      addDeadLetterRoutes(v1, options.letters);
      addArtifactRoutes(v1, options.artifacts);
    },
    { prefix: '/v1' },
  );
  return app;
}

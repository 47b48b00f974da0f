import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import { registerAdminRoutes } from './admin.ts';
import { MovableClock } from './clock.ts';
import { Events } from './events.ts';
import { installFaultHooks } from './fault-hooks.ts';
import { FaultGate } from './faults.ts';
import { BareRepos } from './git/bare-repos.ts';
import { registerRoutes, rewriteNumbered, type Service } from './http.ts';
import { registerManifestPage } from './manifest-page.ts';
import { RateLimits } from './rate-limits.ts';
import { RequestLog } from './request-log.ts';
import { appRoutes } from './routes/apps.ts';
import { assigneeRoutes } from './routes/assignees.ts';
import { checkRoutes } from './routes/checks.ts';
import { commentRoutes } from './routes/comments.ts';
import { commitRoutes } from './routes/commits.ts';
import { contentRoutes } from './routes/contents.ts';
import { hookRoutes } from './routes/hooks.ts';
import { issueRoutes } from './routes/issues.ts';
import { labelRoutes } from './routes/labels.ts';
import { mergeRoutes } from './routes/merge.ts';
import { pullRoutes } from './routes/pulls.ts';
import { rateLimitRoutes } from './routes/rate-limit.ts';
import { refRoutes } from './routes/refs.ts';
import { repoRoutes } from './routes/repos.ts';
import { requestedReviewerRoutes } from './routes/requested-reviewers.ts';
import { reviewCommentRoutes } from './routes/review-comments.ts';
import { reviewRoutes } from './routes/reviews.ts';
import { statusRoutes } from './routes/statuses.ts';
import { timelineRoutes } from './routes/timeline.ts';
import { userRoutes } from './routes/users.ts';
import { applySeed, type Seed, type Seeded } from './seed.ts';
import { registerSmartHttp } from './smart-http.ts';
import { State } from './state.ts';
import type { World } from './world.ts';

/** Every line of the API that is spoken. */
export const ROUTES = [
  ...userRoutes,
  ...rateLimitRoutes,
  ...appRoutes,
  ...hookRoutes,
  ...repoRoutes,
  ...issueRoutes,
  ...commentRoutes,
  ...labelRoutes,
  ...assigneeRoutes,
  ...timelineRoutes,
  ...pullRoutes,
  ...mergeRoutes,
  ...reviewRoutes,
  ...reviewCommentRoutes,
  ...requestedReviewerRoutes,
  ...refRoutes,
  ...commitRoutes,
  ...contentRoutes,
  ...checkRoutes,
  ...statusRoutes,
];

/** The largest push. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

export interface StandinOptions {
  /** The address that the API and git listen on, 127.0.0.1 by default; its own surface never leaves 127.0.0.1. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly adminPort?: number;
  readonly seed?: Seed;
  readonly clock?: Clock;
}

/** GitHub as a part: a listener for its API and for git, and one, on 127.0.0.1, for the stand-in's own surface. */
export class GithubStandin implements Part {
  readonly name = 'github stand-in';
  readonly #options: StandinOptions;
  readonly #api: FastifyInstance;
  readonly #admin: FastifyInstance;
  readonly #service: Service;
  #seeded: Seeded | undefined;

  constructor(options: StandinOptions) {
    const clock = new MovableClock(options.clock ?? systemClock);
    const faults = new FaultGate(clock);
    const requests = new RequestLog();
    const urlOfApi = (): string => urlOf(this.#api);
    const world: World = {
      clock,
      faults,
      state: new State(),
      repos: new BareRepos(),
      events: new Events(faults),
      get apiUrl() {
        return `${urlOfApi()}/api/v3`;
      },
      get htmlUrl() {
        return urlOfApi();
      },
    };
    this.#options = options;
    this.#service = { world, limits: new RateLimits(), staleWorld: undefined };
    this.#api = buildApi(this.#service, requests);
    this.#admin = Fastify({ forceCloseConnections: true });
    registerAdminRoutes(this.#admin, this.#service, requests);
  }

  /** Where people and git find it; the API is at its root and below /api/v3. */
  get url(): string {
    return urlOf(this.#api);
  }

  get adminUrl(): string {
    return urlOf(this.#admin);
  }

  /** What the seed of the options made. */
  get seeded(): Seeded | undefined {
    return this.#seeded;
  }

  async start(): Promise<void> {
    const { seed, host = '127.0.0.1', port = 0, adminPort = 0 } = this.#options;
    await this.#service.world.repos.start();
    await this.#api.listen({ host, port });
    if (seed !== undefined) this.#seeded = await applySeed(this.#service.world, seed);
    await this.#admin.listen({ host: '127.0.0.1', port: adminPort });
  }

  async stop(): Promise<void> {
    const { faults, events, repos } = this.#service.world;
    faults.clear();
    await events.stop();
    await this.#api.close();
    await this.#admin.close();
    await repos.stop();
  }

  health(): Health {
    return { live: true, ready: true };
  }
}

function buildApi(service: Service, requests: RequestLog): FastifyInstance {
  const { world } = service;
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024 },
    rewriteUrl: (request) => rewriteNumbered(world, request.url ?? '/'),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  requests.attach(app, world);
  installFaultHooks(app, world);
  registerSmartHttp(app, world);
  registerManifestPage(app, world);
  registerRoutes(app, service, ROUTES);
  return app;
}

function urlOf(app: FastifyInstance): string {
  const address = app.server.address() as AddressInfo | null;
  if (!address) return '';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

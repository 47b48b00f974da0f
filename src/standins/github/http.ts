import { createHash, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { demand } from './access.ts';
import { authenticate, isActor } from './caller.ts';
import { ApiError, errorBody, notFound } from './errors.ts';
import { asObject, type JsonObject } from './json.ts';
import type { Repo } from './model.ts';
import { type Budget, primaryLimit, type RateLimits, rateHeaders, secondaryLimit } from './rate-limits.ts';
import type { Answer, Call, Route } from './routes.ts';
import type { World } from './world.ts';

/** GitHub's own server has the API at its root, an Enterprise server below this. */
const PREFIXES = ['', '/api/v3'];

export interface Service {
  readonly world: World;
  readonly limits: RateLimits;
  /** What was there when reads were made stale; without a stale read, nothing. */
  staleWorld: World | undefined;
}

/** Serves the routes at both addresses; anything else is GitHub's 404. */
export function registerRoutes(app: FastifyInstance, service: Service, routes: readonly Route[]): void {
  for (const prefix of PREFIXES) {
    for (const route of routes) {
      app.route({
        method: route.method,
        url: `${prefix}${route.path}`,
        handler: (request, reply) => serve(service, route, request, reply),
      });
    }
  }
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(errorBody(404, 'Not Found')));
}

async function serve(
  service: Service,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { world, limits } = service;
  const now = world.clock.now();
  reply.headers({
    date: new Date(now).toUTCString(),
    'x-github-request-id': randomBytes(10).toString('hex').toUpperCase(),
    'x-github-media-type': 'github.v3; format=json',
  });
  try {
    const caller = authenticate(world.state, request.headers.authorization, now);
    const budget = limits.budget(caller, now);
    reply.headers(rateHeaders(budget));
    strike(world, request, budget);
    const cost = route.path === '/rate_limit' ? 0 : 1;
    if (budget.used + cost > budget.limit) throw primaryLimit(403, budget);
    budget.used += cost;
    reply.headers(rateHeaders(budget));
    const answer = await run(service, route, request, { caller, budget });
    const etag = request.method === 'GET' ? etagOf(answer) : undefined;
    const isKnown = etag !== undefined && etags(request.headers['if-none-match']).includes(etag);
    // What the caller has already is given for nothing.
    if (isKnown) budget.used -= cost;
    reply.headers({ ...rateHeaders(budget), ...answer.headers });
    if (etag) reply.headers({ etag, 'cache-control': 'private, max-age=60, s-maxage=60' });
    return isKnown ? reply.code(304).send() : send(reply, answer);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const body = errorBody(error.status, error.message, error.errors);
    return send(reply, { status: error.status, headers: error.headers, body });
  }
}

/** Limits that are switched on refuse before anything takes effect. */
function strike({ faults, clock }: World, request: FastifyRequest, budget: Budget): void {
  const subject = { method: request.method, url: request.url };
  const primary = faults.take('rate-limit', subject);
  if (primary) {
    throw primaryLimit(primary.status, { ...budget, resetAt: clock.now() + primary.resetInS * 1000 });
  }
  const secondary = faults.take('secondary-limit', subject);
  if (secondary) throw secondaryLimit(secondary.status, secondary.retryAfterS);
}

async function run(
  service: Service,
  route: Route,
  request: FastifyRequest,
  { caller, budget }: Pick<Call, 'caller' | 'budget'>,
): Promise<Answer> {
  const subject = { method: request.method, url: request.url };
  await service.world.faults.park('before', subject);
  const isStale = request.method === 'GET' && service.world.faults.take('stale-read', subject) !== undefined;
  const world = (isStale && service.staleWorld) || service.world;
  const { access } = route;
  const call: Call = {
    world,
    caller,
    budget,
    params: request.params as Record<string, string>,
    query: new URL(request.url, world.htmlUrl).searchParams,
    accept: request.headers.accept ?? '',
    body: bodyOf(request),
    url: new URL(request.url, world.htmlUrl),
  };
  switch (access.by) {
    case 'anybody':
      return access.run(call);
    case 'app':
      if (caller.kind !== 'app') throw new ApiError(401, 'A JSON web token could not be decoded');
      return access.run({ ...call, app: caller.app });
    case 'actor':
      if (!isActor(caller)) throw new ApiError(401, 'Requires authentication');
      return access.run({ ...call, caller });
    case 'reader':
    case 'writer': {
      const repo = repoOf(call, route.method);
      if (!('id' in repo)) return repo;
      demand(world.state, caller, repo, access.needs);
      if (access.by === 'reader') return access.run({ ...call, repo });
      if (!isActor(caller)) throw new ApiError(401, 'Requires authentication');
      return access.run({ ...call, repo, caller });
    }
  }
}

/** The repository of the path, or where it went: an old name is sent on to the number, which never changes. */
function repoOf({ world: { state }, params, url }: Call, method: string): Repo | Answer {
  const [owner, name] = [params['owner'] ?? '', params['repo'] ?? ''];
  const repo = state.repoNamed(owner, name);
  if (repo) return repo;
  const moved = state.repoOnceNamed(owner, name);
  if (!moved) throw notFound();
  const to = url.href.replace(/\/repos\/[^/]+\/[^/?]+/, `/repositories/${moved.id}`);
  return {
    status: method === 'GET' ? 301 : 307,
    headers: { location: to },
    body: { message: 'Moved Permanently', url: to, documentation_url: 'https://docs.github.com/rest' },
  };
}

/** Turns `/repositories/7/issues` into the path with the name that the repository has now. */
export function rewriteNumbered(world: World, url: string): string {
  return url.replace(/\/repositories\/(\d+)/, (whole, id: string) => {
    const repo = world.state.repos.get(Number(id));
    return repo ? `/repos/${world.state.fullName(repo)}` : whole;
  });
}

function bodyOf(request: FastifyRequest): JsonObject {
  const raw = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  if (raw === '') return {};
  try {
    const parsed: unknown = JSON.parse(raw);
    // A list alone is a short form of some calls: labels.
    return Array.isArray(parsed) ? { labels: parsed } : (asObject(parsed) ?? fail());
  } catch {
    return fail();
  }
}

function fail(): never {
  throw new ApiError(400, 'Problems parsing JSON');
}

function etags(header: string | undefined): string[] {
  return (header ?? '').split(',').map((each) => each.trim().replace(/^(W\/)?/, 'W/'));
}

/** Weak, as GitHub's are: of what is shown, and of nothing else. */
function etagOf(answer: Answer): string | undefined {
  if ((answer.status ?? 200) !== 200) return undefined;
  const shown = `${answer.text ?? JSON.stringify(answer.body)}${answer.headers?.['link'] ?? ''}`;
  return `W/"${createHash('sha256').update(shown).digest('hex')}"`;
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status ?? 200).headers({ ...answer.headers });
  if (answer.text !== undefined) {
    return reply.header('content-type', 'application/vnd.github.diff; charset=utf-8').send(answer.text);
  }
  if (answer.body === undefined) return reply.send();
  return reply
    .header('content-type', 'application/json; charset=utf-8')
    .send(Buffer.from(JSON.stringify(answer.body)));
}

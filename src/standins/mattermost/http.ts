import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, badBodyParam, bodyTooLarge, sessionExpired, unknownRouteBody } from './errors.ts';
import { newMattermostId } from './ids.ts';
import { asObject, type JsonObject, parseJson } from './json.ts';
import type { Token, User } from './model.ts';
import { SERVER_BUILD } from './version.ts';
import type { World } from './world.ts';

/** MaximumPayloadSizeBytes, the limit for JSON bodies (recorded: 64). */
const MAX_JSON_BYTES = 300_000;

/** A request as a route sees it. */
export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: FastifyRequest['headers'];
  readonly body: Buffer;
  /** Waits where a fault holds the request before it takes effect. */
  readonly beforeEffect: () => Promise<void>;
}

/** A request with a valid token. */
export interface UserCall extends Call {
  readonly user: User;
  readonly token: Token;
}

/** What a route answers; `status` is 200 unless it says otherwise. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One line of the API. `parksItself`: the handler calls `beforeEffect` where it matters. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly parksItself?: boolean;
  readonly handle:
    | { readonly by: 'anybody'; readonly run: (call: Call) => Promise<Answer> | Answer }
    | { readonly by: 'user'; readonly run: (call: UserCall) => Promise<Answer> | Answer };
}

/** A route for those who are logged in. */
export function route(
  method: Method,
  path: string,
  run: (call: UserCall) => Promise<Answer> | Answer,
  options: { parksItself?: boolean } = {},
): Route {
  return { method, path, handle: { by: 'user', run }, ...options };
}

/** A route that asks for no token. */
export function publicRoute(
  method: Method,
  path: string,
  run: (call: Call) => Promise<Answer> | Answer,
): Route {
  return { method, path, handle: { by: 'anybody', run } };
}

/** The usual answer of a route that has nothing to say (recorded: 35 and others). */
export const OK: Answer = { body: { status: 'OK' } };

/** The body as a JSON object; 400 naming `what` when it is not one. */
export function objectBody(call: Call, what: string): JsonObject {
  const body = asObject(parseJson(call.body.toString('utf8')));
  if (!body) throw badBodyParam(what);
  return body;
}

/** The body as a JSON array of at least one text; 400 naming `what` when it is not one. */
export function textsBody(call: Call, what: string): string[] {
  const body = parseJson(call.body.toString('utf8'));
  if (!Array.isArray(body) || body.length === 0 || !body.every((item) => typeof item === 'string'))
    throw badBodyParam(what);
  return body;
}

/** A whole number out of the query, within bounds (facts §3.1: per_page 500 asked, 200 given). */
export function numberParam(call: Call, name: string, options: { fallback: number; max?: number }): number {
  const value = Number.parseInt(call.query.get(name) ?? '', 10);
  if (!Number.isFinite(value) || value < 0) return options.fallback;
  return Math.min(value, options.max ?? Number.MAX_SAFE_INTEGER);
}

/** The token of an Authorization header; one in the query counts for nothing (facts §3: 401). */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^(?:bearer|token)\s+(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** Serves the routes under /api/v4; anything else is the real server's 404. */
export function registerRoutes(app: FastifyInstance, world: World, routes: readonly Route[]): void {
  for (const each of routes) {
    app.route({
      method: each.method,
      url: `/api/v4${each.path}`,
      handler: (request, reply) => serve(world, each, request, reply),
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const path = decodeURI(request.url.split('?')[0] ?? '');
    return sendJson(reply.code(404), unknownRouteBody(path));
  });
}

async function serve(
  world: World,
  each: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const requestId = newMattermostId();
  reply.header('x-request-id', requestId).header('x-version-id', SERVER_BUILD);
  try {
    const answer = await run(world, each, request);
    for (const [name, value] of Object.entries(answer.headers ?? {})) reply.header(name, value);
    const etag = answer.headers?.['etag'];
    if (etag !== undefined && request.headers['if-none-match'] === etag) return reply.code(304).send();
    reply.code(answer.status ?? 200);
    if (Buffer.isBuffer(answer.body)) return reply.send(answer.body);
    return sendJson(reply, answer.body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return sendJson(reply.code(error.status), {
      id: error.id,
      message: error.message,
      detailed_error: '',
      request_id: requestId,
      status_code: error.status,
    });
  }
}

async function run(world: World, each: Route, request: FastifyRequest): Promise<Answer> {
  const subject = { method: request.method, url: request.url };
  const call: Call = {
    params: request.params as Record<string, string>,
    query: new URL(request.url, 'http://standin').searchParams,
    headers: request.headers,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    beforeEffect: () => world.faults.park('before', subject),
  };
  const isUpload = each.path === '/files';
  if (!isUpload && call.body.length > MAX_JSON_BYTES) throw bodyTooLarge();
  if (each.handle.by === 'anybody') {
    await call.beforeEffect();
    return each.handle.run(call);
  }
  const token = bearerToken(request.headers.authorization);
  const found = token === undefined ? undefined : world.store.users.authenticate(token);
  if (!found) throw sessionExpired();
  if (!each.parksItself) await call.beforeEffect();
  return each.handle.run({ ...call, ...found });
}

/** A Buffer keeps Fastify from adding a charset: the real client parses exactly `application/json` (facts §2.4). */
function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from(`${JSON.stringify(body)}\n`));
}

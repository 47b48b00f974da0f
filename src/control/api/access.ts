import type { FastifyInstance, FastifyRequest } from 'fastify';
import { apiRoutes } from '#core/api-routes.ts';
import type { Scope } from '#core/scopes.ts';
import { refuse } from './refuse.ts';
import { InvalidRequest } from './request.ts';
import { type ApiTokens, type Caller, mayDo } from './tokens.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before the handler of a guarded route runs. */
    caller: Caller;
  }
}

/** The token may not do this; the message says what is missing, and where that is given. */
export class Forbidden extends Error {}

/**
 * Lets none of these routes be asked without a token that has the scope of the route. A route that states none in
 * core/api-routes.ts cannot even be added.
 */
export function guardRoutes(app: FastifyInstance, tokens: ApiTokens): void {
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) scopesOf(each, url);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { method, url = '' } = request.routeOptions;
    const caller = callerOf(request, tokens);
    if (!caller) return reply.code(401).send(refuse('unauthorized', unauthorized(request)));
    request.caller = caller;
    const wanted = scopesOf([method].flat()[0] ?? '', url);
    if (mayDo(caller, wanted)) return undefined;
    return reply.code(403).send(refuse('forbidden', lacking(caller, wanted)));
  });
}

/** Whether the token of this request is still good for it: what goes on for hours asks again. */
export function stillAllowed(request: FastifyRequest, tokens: ApiTokens): boolean {
  const caller = callerOf(request, tokens);
  const { method, url = '' } = request.routeOptions;
  return caller !== undefined && mayDo(caller, scopesOf([method].flat()[0] ?? '', url));
}

/**
 * The name of the person who acts. A token with a name acts under it and under no other; the full token believes what
 * it is told.
 */
export function actingName({ caller }: FastifyRequest, by: string | undefined): string {
  if (caller.name === undefined) {
    if (by !== undefined) return by;
    throw new InvalidRequest('by is missing: the full token has no name, so say who acts');
  }
  if (by === undefined || by === caller.name) return caller.name;
  throw new Forbidden(
    `this token acts as ${caller.name}, not as ${by}: leave by out, or for the olympus command set OLYMPUS_API_USER=${caller.name}`,
  );
}

/** Who acts, and whether the token proves the name. */
export function actingAs(request: FastifyRequest, by: string | undefined): { by: string; isNamed: boolean } {
  return { by: actingName(request, by), isNamed: request.caller.name !== undefined };
}

/** A key that a client chose, apart from those of other tokens and from keys that are made here. */
export function ownKey({ caller }: FastifyRequest, key: string): string {
  return `api:${caller.name ?? ''}:${key}`;
}

function callerOf(request: FastifyRequest, tokens: ApiTokens): Caller | undefined {
  const given = bearerOf(request);
  return given ? tokens.callerOf(given) : undefined;
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
}

function unauthorized(request: FastifyRequest): string {
  return bearerOf(request)
    ? 'this token is not known to the control plane: compare OLYMPUS_API_TOKEN with its token file, or ask for a new one'
    : 'a bearer token is needed: set OLYMPUS_API_TOKEN';
}

function lacking(caller: Caller, wanted: readonly Scope[]): string {
  const needed = wanted.map((scope) => (scope === 'agent' ? 'agent:<name>' : scope)).join(' or ');
  const has = caller.scopes === 'all' ? 'all' : caller.scopes.join(', ');
  return `this needs the scope ${needed}, and the token of ${caller.name} has ${has}: scopes are given in api_tokens of the inventory, which makes the file OLYMPUS_API_TOKENS_FILE of the control plane`;
}

/** What the route needs, as core/api-routes.ts states it; throws for one that is not there. */
function scopesOf(method: string, url: string): readonly Scope[] {
  const path = url.replaceAll(/:(\w+)/g, '{$1}');
  const asked = method === 'HEAD' ? 'get' : method.toLowerCase();
  const route = apiRoutes.find((each) => each.method === asked && each.path === path);
  if (route) return route.scopes;
  throw new Error(`${method} ${path} states no scope: add it to src/core/api-routes.ts`);
}

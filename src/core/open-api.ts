import { z } from 'zod';
import { ApiError } from './api.ts';
import type { ApiRoute } from './api-route.ts';

/** The API as OpenAPI 3.1.0 describes one (spec.openapis.org/oas/v3.1.0). */
export function openApiOf(routes: readonly ApiRoute[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Olympus control plane', version: '1' },
    servers: [{ url: 'http://127.0.0.1:8090' }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths,
  };
}

function operationOf(route: ApiRoute): object {
  const { path, summary, query, headers = {}, body, answer, status = 200, scopes } = route;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: TEXT,
  }));
  const inHeaders = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: TEXT,
  }));
  return {
    summary,
    security: scopes.map((scope) => ({ token: [scope] })),
    parameters: [...inPath, ...inQuery(query), ...inHeaders],
    ...(body ? { requestBody: { required: true, content: contentOf(body) } } : {}),
    responses: {
      [status]: {
        description: summary,
        ...(answer === 'a redirect'
          ? { headers: { Location: { schema: TEXT } } }
          : { content: contentOf(answer) }),
      },
      default: { description: 'A refusal: a code, and a sentence', content: contentOf(ApiError) },
    },
  };
}

/** Each by itself: a schema of what is written there, before it is read. */
function inQuery(query: z.ZodObject | undefined): object[] {
  return Object.entries(query?.shape ?? {}).map(([name, given]) => {
    const { $schema: _, description, ...schema } = z.toJSONSchema(given, { ...DIALECT, io: 'input' });
    return { name, in: 'query', description, schema };
  });
}

const DIALECT = { target: 'draft-2020-12' } as const;
const TEXT = { type: 'string' } as const;

function contentOf(what: z.ZodType | Exclude<ApiRoute['answer'], z.ZodType | 'a redirect'>): object {
  if (what === 'text') return { 'text/plain': { schema: TEXT } };
  if (what === 'server-sent events') return { 'text/event-stream': { schema: TEXT } };
  if (what === 'bytes') return { 'application/octet-stream': {} };
  return { 'application/json': { schema: z.toJSONSchema(what, DIALECT) } };
}

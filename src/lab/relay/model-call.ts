import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The two formats agents speak; an error is told in the one that was used. */
export type WireFormat = 'openai' | 'anthropic';

/** A call of an agent, as far as the relay looks into it: never into the body. */
export interface ModelCall {
  readonly format: WireFormat;
  /** Behind `/v1`, with the query: `/chat/completions`. */
  readonly rest: string;
  readonly key: string | undefined;
}

/** What agents need of a provider. Its files, batches and administration are not for them, though the key opens those. */
const OPENAI_RESOURCES = /^\/(chat|completions|responses|embeddings|models|moderations|audio|images)(\/|$)/;
const ANTHROPIC_RESOURCES = /^\/messages(\/count_tokens)?$/;

/** What is called; undefined for what is not a model call. */
export function readModelCall(request: IncomingMessage): ModelCall | undefined {
  const url = new URL(request.url ?? '/', 'http://relay');
  if (!/^(GET|POST)$/.test(request.method ?? '') || !url.pathname.startsWith('/v1/')) return undefined;
  const resource = url.pathname.slice('/v1'.length);
  const format = formatOf(resource, request.headers);
  if (!format) return undefined;
  return { format, rest: `${resource}${url.search}`, key: keyOf(request.headers) };
}

/** An error as clients of that format expect it. */
export function errorBody(format: WireFormat, status: number, message: string): string {
  const type = ERROR_TYPES[status] ?? 'api_error';
  return JSON.stringify(
    format === 'anthropic'
      ? { type: 'error', error: { type, message } }
      : { error: { message, type, param: null, code: null } },
  );
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  404: 'not_found_error',
  413: 'request_too_large',
};

/** Both formats list their models at the same path; Anthropic's clients always name the version they speak. */
function formatOf(resource: string, headers: IncomingHttpHeaders): WireFormat | undefined {
  if (ANTHROPIC_RESOURCES.test(resource)) return 'anthropic';
  if (!OPENAI_RESOURCES.test(resource)) return undefined;
  return headers['anthropic-version'] !== undefined && /^\/models(\/|$)/.test(resource)
    ? 'anthropic'
    : 'openai';
}

function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers['x-api-key'];
  if (typeof apiKey === 'string') return apiKey;
  return /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Environment } from '#lib/config.ts';
import type { ModelCall, WireFormat } from './model-call.ts';
import type { Upstream } from './provider.ts';

/** Why a call did not get through to the provider, and the status that says so. */
export class ForwardError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ForwardError';
    this.status = status;
  }
}

export interface ForwardOptions {
  readonly call: ModelCall;
  readonly upstream: Upstream;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal;
  readonly agents: Agents;
  readonly bodyLimitBytes: number;
  /** How long the provider may say nothing: before its answer, and within it. */
  readonly silenceTimeoutMs: number;
}

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** Connections to providers go through the proxies that this environment names, and are not kept for the next call. */
export function createAgents(env: Environment): Agents {
  const proxyEnv = { ...env };
  return { http: new HttpAgent({ proxyEnv }), https: new HttpsAgent({ proxyEnv }) };
}

/**
 * Passes a call on with the provider's key instead of the agent's, and its answer back as it arrives. Resolves with
 * the status when the answer is through; throws a ForwardError while nothing of it has been passed on, and anything
 * else when it broke off in the middle.
 */
export async function forward(options: ForwardOptions): Promise<number> {
  const { response, signal } = options;
  const answer = await ask(options);
  const { statusCode: status = 502 } = answer;
  if (status >= 300 && status < 400) {
    answer.destroy();
    throw new ForwardError(502, 'The model provider answered with a redirection: its address is wrong.');
  }
  if (status === 401 || status === 403) {
    answer.destroy();
    // Its own words may quote the key.
    throw new ForwardError(status, `The model provider refuses the key of this lab (${status}).`);
  }
  response.writeHead(status, only(PASSED_BACK, answer.headers));
  response.flushHeaders();
  await pipeline(answer, response, { signal });
  return status;
}

async function ask(options: ForwardOptions): Promise<IncomingMessage> {
  const { call, upstream, request, signal, agents, silenceTimeoutMs } = options;
  const url = new URL(`${upstream.baseUrl}${call.rest}`);
  const secure = url.protocol === 'https:';
  const outgoing = (secure ? httpsRequest : httpRequest)(url, {
    method: request.method,
    headers: { ...only(PASSED_ON, request.headers), ...credentials(call.format, upstream.key) },
    agent: secure ? agents.https : agents.http,
    signal,
  });
  const answered = Promise.withResolvers<IncomingMessage>();
  outgoing.once('response', answered.resolve);
  outgoing.on('error', answered.reject);
  const silent = new ForwardError(504, `The model provider said nothing for ${silenceTimeoutMs / 1000} s.`);
  const timer = setTimeout(() => outgoing.destroy(silent), silenceTimeoutMs);
  // An answer may come before the whole body has been sent, and then the rest of the body does not matter.
  pipeline(limited(request, options.bodyLimitBytes), outgoing).catch(answered.reject);
  try {
    const answer = await answered.promise;
    answer.setTimeout(silenceTimeoutMs, () => answer.destroy(silent));
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ForwardError) throw error;
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'broken off';
    throw new ForwardError(502, `The model provider at ${url.host} cannot be reached (${reason}).`);
  } finally {
    clearTimeout(timer);
  }
}

/** The body as far as it may be long. The request is not destroyed at the end: that would cut off the answer to it. */
async function* limited(request: IncomingMessage, limitBytes: number): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    seen += chunk.length;
    if (seen > limitBytes) throw tooLarge(limitBytes);
    yield chunk;
  }
}

/** The answer to a body that is larger than is passed on. */
export function tooLarge(limitBytes: number): ForwardError {
  return new ForwardError(413, `The request is larger than ${Math.floor(limitBytes / 2 ** 20)} MiB.`);
}

function credentials(format: WireFormat, key: string | undefined): OutgoingHttpHeaders {
  if (key === undefined) return {};
  return format === 'anthropic' ? { 'x-api-key': key } : { authorization: `Bearer ${key}` };
}

const PASSED_ON =
  /^(content-type|content-length|accept|accept-encoding|user-agent|anthropic-.+|openai-beta)$/;
const PASSED_BACK =
  /^(content-type|content-length|content-encoding|cache-control|retry-after(-ms)?|x-should-retry|(x-)?request-id|(x|anthropic)-ratelimit-.+)$/;

/** Neither cookies nor an agent's credentials leave, nor what only concerns the connection. */
function only(names: RegExp, headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.test(name)));
}

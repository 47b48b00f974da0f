import Fastify, { type FastifyInstance } from 'fastify';
import { type Clock, systemClock } from '#lib/clock.ts';
import { readSecretFile } from '#lib/config.ts';
import { createAdmin } from './admin.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import { promptDigest } from './prompt.ts';
import { type LoggedRequest, RequestLog } from './request-log.ts';
import { respond, sendJson } from './respond.ts';
import { type Rule, Script } from './script.ts';
import type { WireFormat } from './wire-format.ts';

export type { LoggedRequest } from './request-log.ts';
export type { Behaviour, Rule } from './script.ts';

export interface ModelStandinOptions {
  /** A free one when absent. */
  readonly port?: number;
  readonly adminPort?: number;
  /** With a key file, a call without exactly that key is answered 401. */
  readonly keyFile?: string;
  /** What `GET /v1/models` lists; every name is served. */
  readonly models?: readonly string[];
  readonly clock?: Clock;
}

export interface ModelStandin extends AsyncDisposable {
  /** Without `/v1`. */
  readonly url: string;
  readonly adminUrl: string;
  script(...rules: Rule[]): void;
  /** Forgets every rule and lets held calls go. */
  clear(): void;
  release(match?: string): number;
  requests(since?: number): readonly LoggedRequest[];
  close(): Promise<void>;
}

const LOGGED_REQUESTS = 1_000;

/**
 * Starts a scripted model provider on 127.0.0.1 that speaks OpenAI's chat completions and Anthropic's
 * messages, and its control surface on a second port.
 */
export async function createModelStandin(options: ModelStandinOptions = {}): Promise<ModelStandin> {
  const { clock = systemClock, models = ['standin-1'] } = options;
  const key = options.keyFile === undefined ? undefined : readSecretFile('--key-file', options.keyFile);
  const script = new Script();
  const log = new RequestLog(LOGGED_REQUESTS);
  const closing = new AbortController();

  const app = Fastify({ forceCloseConnections: true, bodyLimit: 32 * 1024 * 1024 });
  app.get('/v1/models', () => ({
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'standin' })),
  }));
  for (const format of [openai, anthropic]) {
    addRoute({ app, format, key, script, log, clock, closing: closing.signal });
  }
  const admin = createAdmin(script, log);
  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.all([app.close(), admin.close()]);
  };
  const url = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  try {
    const adminUrl = await admin.listen({ host: '127.0.0.1', port: options.adminPort ?? 0 });
    return {
      url,
      adminUrl,
      script: (...rules) => script.add(rules),
      clear: () => script.clear(),
      release: (match) => script.release(match),
      requests: (since = 0) => log.since(since),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface RouteOptions {
  readonly app: FastifyInstance;
  readonly format: WireFormat;
  readonly key: string | undefined;
  readonly script: Script;
  readonly log: RequestLog;
  readonly clock: Clock;
  readonly closing: AbortSignal;
}

function addRoute({ app, format, key, script, log, clock, closing }: RouteOptions): void {
  app.post(format.path, async (request, reply) => {
    reply.hijack();
    const response = reply.raw;
    if (key !== undefined && format.keyOf(request.headers) !== key) {
      return sendJson(response, 401, format.error(401, undefined));
    }
    let asked: ReturnType<WireFormat['promptOf']>;
    try {
      asked = format.promptOf(request.body);
    } catch (error) {
      return sendJson(response, 400, format.error(400, error instanceof Error ? error.message : undefined));
    }
    const { prompt } = asked;
    const behaviour = script.take(prompt);
    const entry = log.add({
      at: new Date(clock.now()).toISOString(),
      api: format.name,
      ...prompt,
      digest: promptDigest(prompt),
      behaviour: behaviour.kind,
    });
    const hungUp = new AbortController();
    response.on('close', () => hungUp.abort());
    const signal = AbortSignal.any([hungUp.signal, closing]);
    await respond({ ...asked, format, behaviour, script, response, clock, signal });
    entry.outcome = response.writableEnded ? 'done' : 'gone';
  });
}

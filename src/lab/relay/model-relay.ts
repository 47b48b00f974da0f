import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { type Agents, ForwardError, forward, tooLarge } from './forward.ts';
import { errorBody, type ModelCall, readModelCall, type WireFormat } from './model-call.ts';
import { agentOfKey } from './model-keys.ts';
import { type Endpoint, listenOn } from './pipe-server.ts';
import type { Provider } from './provider.ts';

export interface ModelRelayOptions {
  readonly listen: Endpoint;
  readonly provider: Provider;
  readonly keysFile: string;
  readonly agents: Agents;
  readonly log: Logger;
  readonly clock: Clock;
  readonly bodyLimitBytes?: number;
  readonly silenceTimeoutMs?: number;
}

const BODY_LIMIT_BYTES = 32 * 2 ** 20;
const SILENCE_TIMEOUT_MS = 600_000;
/** Longer than clients keep theirs, so that none is closed just as a call comes. */
const KEEP_ALIVE_MS = 65_000;
const MAX_CONNECTIONS = 256;

/**
 * The way to the model for machines that have no way out. It lets through who shows a listed key, calls the provider
 * with the provider's own, and passes the answer back as it arrives. Neither bodies nor keys are written down.
 */
export class ModelRelay implements Part {
  readonly name = 'model-relay';
  readonly #options: ModelRelayOptions;
  #server: Server | undefined;

  constructor(options: ModelRelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.maxConnections = MAX_CONNECTIONS;
    await listenOn(server, this.#options.listen);
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  health(): Health {
    return { live: true, ready: this.#server !== undefined };
  }

  /** Where it listens, when that is a port. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/livez') return send(response, 200, '{"ok":true}');
    const call = readModelCall(request);
    if (!call) return refuse(response, 'openai', 404, 'The lab passes on model calls only, below /v1.');
    const { keysFile, log, clock } = this.#options;
    const agent = call.key === undefined ? undefined : agentOfKey(keysFile, call.key);
    if (agent === undefined) {
      log.info({ format: call.format }, 'call with an unknown key refused');
      return refuse(response, call.format, 401, 'This key is not one of an agent of this lab.');
    }
    const startedAt = clock.now();
    const outcome = await this.#forward(call, request, response);
    const path = call.rest.split('?')[0];
    log.info({ agent, path, ...outcome, durationMs: clock.now() - startedAt }, 'model call ended');
  }

  async #forward(
    call: ModelCall,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ status?: number; reason?: string }> {
    const { provider, agents, bodyLimitBytes = BODY_LIMIT_BYTES, silenceTimeoutMs } = this.#options;
    const hungUp = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) hungUp.abort();
    });
    try {
      const upstream = provider[call.format];
      if (!upstream) throw new ForwardError(404, `This lab has ${provider.label} only, not ${call.format}.`);
      if (Number(request.headers['content-length']) > bodyLimitBytes) throw tooLarge(bodyLimitBytes);
      const status = await forward({
        call,
        upstream,
        request,
        response,
        signal: hungUp.signal,
        agents,
        bodyLimitBytes,
        silenceTimeoutMs: silenceTimeoutMs ?? SILENCE_TIMEOUT_MS,
      });
      return { status };
    } catch (error) {
      if (hungUp.signal.aborted) return { reason: 'the agent hung up' };
      if (error instanceof ForwardError && !response.headersSent) {
        refuse(response, call.format, error.status, error.message);
        return { status: error.status, reason: error.message };
      }
      // The agent has a part of the answer: only a broken connection tells it that the rest is missing.
      response.destroy();
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

function refuse(response: ServerResponse, format: WireFormat, status: number, message: string): void {
  send(response, status, errorBody(format, status, message));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

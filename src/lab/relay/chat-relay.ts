import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { type Endpoint, listenOn } from './pipe-server.ts';

export interface ChatRelayOptions {
  readonly listen: Endpoint;
  /** The chat server outside, without a slash at its end. */
  readonly url: string;
  readonly log: Logger;
  /** How long the server may say nothing in the middle of a call; not of a WebSocket. */
  readonly silenceTimeoutMs?: number;
}

const SILENCE_TIMEOUT_MS = 60_000;
/** Longer than clients keep theirs, so that none is closed just as a call comes. */
const CLIENT_KEEP_ALIVE_MS = 65_000;
const PROBE_EVERY_MS = 60_000;
const MAX_CONNECTIONS = 256;
const API = '/api/v4/';

/**
 * The way to a chat server outside for machines that have no way out: HTTP here, whatever the address says there, and
 * WebSockets. It reaches that one server and nothing of it but its API; who may do what there, the server decides by
 * the callers' own tokens. Neither they nor what is said are written down.
 */
export class ChatRelay implements Part {
  readonly name = 'chat-relay';
  readonly #options: ChatRelayOptions;
  readonly #sockets = new Set<Duplex>();
  #server: Server | undefined;

  constructor(options: ChatRelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#call(request, response));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    server.keepAliveTimeout = CLIENT_KEEP_ALIVE_MS;
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
    for (const socket of this.#sockets) socket.destroy();
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

  #call(request: IncomingMessage, response: ServerResponse): void {
    const outgoing = this.#ask(request, endToEnd(request.headers));
    if (!outgoing) {
      refuse(response, 404, `The lab passes on calls of chat only, below ${API}.`);
      return;
    }
    response.once('close', () => outgoing.destroy());
    outgoing.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      // Half an answer is told by a connection that breaks off.
      pipeline(answer, response).catch(() => response.destroy());
    });
    outgoing.on('error', (error) => {
      if (response.destroyed || response.headersSent) return;
      refuse(response, 502, this.#noAnswer(error));
    });
    // An answer may come before the whole body was sent; 'error' tells the rest.
    pipeline(request, outgoing).catch(() => undefined);
  }

  #upgrade(request: IncomingMessage, near: Duplex, head: Buffer): void {
    this.#track(near);
    const { connection, upgrade } = request.headers;
    const outgoing = this.#ask(request, { ...endToEnd(request.headers), connection, upgrade });
    if (!outgoing) {
      near.end(headOf(404, EMPTY));
      return;
    }
    near.once('close', () => outgoing.destroy());
    outgoing.once('upgrade', (answer, far: Socket, first) => {
      this.#track(far);
      far.setTimeout(0).setKeepAlive(true, PROBE_EVERY_MS);
      near.write(headOf(101, answer.rawHeaders));
      near.write(first);
      far.write(head);
      near.pipe(far).pipe(near);
      near.once('close', () => far.destroy());
      far.once('close', () => near.destroy());
    });
    outgoing.once('response', (answer) => {
      const headers = Object.entries(endToEnd(answer.headers)).flatMap(([name, value]) => [
        name,
        String(value),
      ]);
      near.write(headOf(answer.statusCode ?? 502, [...headers, 'connection', 'close']));
      pipeline(answer, near).catch(() => near.destroy());
    });
    outgoing.on('error', (error) => {
      this.#noAnswer(error);
      near.end(headOf(502, EMPTY));
    });
    outgoing.end();
  }

  /** The same call to the server outside; undefined for one that is not of its API. */
  #ask(request: IncomingMessage, headers: IncomingHttpHeaders): ClientRequest | undefined {
    const { url, silenceTimeoutMs = SILENCE_TIMEOUT_MS } = this.#options;
    const wanted = URL.parse(request.url ?? '/', 'http://lab');
    if (!wanted) return undefined;
    const { pathname, search } = wanted;
    if (!pathname.startsWith(API)) return undefined;
    const to = new URL(`${url}${pathname}${search}`);
    const outgoing = (to.protocol === 'https:' ? httpsRequest : httpRequest)(to, {
      method: request.method,
      headers: { ...headers, host: to.host },
      agent: false,
      timeout: silenceTimeoutMs,
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('it said nothing for too long')));
    return outgoing;
  }

  #noAnswer(error: Error): string {
    const reason = 'code' in error ? String(error.code) : error.message;
    this.#options.log.warn({ reason }, 'the chat server was not reached');
    return `The chat server at ${this.#options.url} cannot be reached (${reason}).`;
  }

  /** An error that nobody listens for would end the process. */
  #track(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** What only concerns one connection is not passed on, nor what a machine says about where a call comes from. */
const OF_THE_CONNECTION =
  /^(connection|keep-alive|proxy-.+|te|trailer|transfer-encoding|upgrade|host|expect|forwarded|x-forwarded-.+|x-real-ip)$/;

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.test(name)));
}

/** The beginning of an answer that is written by hand: after an upgrade there is nobody else to do it. */
function headOf(status: number, headers: readonly string[]): string {
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []));
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', ''].join('\r\n');
}

const EMPTY = ['content-length', '0', 'connection', 'close'];

/** In the form of the server's own errors, which clients read. */
function refuse(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ id: 'lab.relay', message, status_code: status });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import { SOCKET_LINE_LIMIT, type SocketReply, SocketRequest } from '#core/action-socket.ts';
import { messageOf } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';

export interface ActionServerOptions {
  readonly path: string;
  readonly answer: (request: SocketRequest, signal: AbortSignal) => Promise<SocketReply>;
  readonly log: Logger;
  readonly replyWithinMs?: number;
}

/** How long a caller may take to say what it wants. */
const REQUEST_WITHIN_MS = 5000;
const CONNECTIONS_AT_ONCE = 32;
/** How long one may take to read what it is told. */
const REPLY_WITHIN_MS = 30_000;

/**
 * The socket through which the agent's own turns ask its daemon. The peer is not trusted: a connection is one line of
 * JSON in, of limited size and within a limited time, and one line out. Files are read one after another, the next
 * when the last was taken: many at once would not fit into the daemon's memory. Who may connect is decided by the folder.
 */
export class ActionServer implements Part {
  readonly name = 'actions';
  readonly #options: ActionServerOptions;
  readonly #stopping = new AbortController();
  #server: Server | undefined;
  /** Resolves when the file that is being read, and those that wait for it, are done. */
  #lastFile: Promise<void> = Promise.resolve();

  constructor(options: ActionServerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { path, log } = this.#options;
    // What a killed process left cannot be listened on.
    await rm(path, { force: true });
    // A caller that closes its side has gone away: nobody waits for what it asked.
    const server = createServer((socket) => {
      this.#serve(socket).catch((error) => log.debug({ reason: messageOf(error) }, 'caller went away'));
    });
    server.maxConnections = CONNECTIONS_AT_ONCE;
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.on('error', (error) => {
      reject(error);
      log.error({ err: error, path }, 'the socket of the actions failed');
    });
    server.listen(path, resolve);
    await promise;
    // The mode of its folder says who reaches it.
    await chmod(path, 0o666);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#server?.listening) this.#server.close(() => resolve());
    else resolve();
    await promise;
  }

  health(): Health {
    return { live: true, ready: true };
  }

  async #serve(socket: Socket): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort(new Error('the caller went away')));
    socket.on('error', (error) => gone.abort(error));
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    try {
      const line = await withDeadline('the request', REQUEST_WITHIN_MS, signal, (until) =>
        readLine(socket, until),
      );
      await this.#reply(socket, line, signal);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async #reply(socket: Socket, line: string | undefined, signal: AbortSignal): Promise<void> {
    const request = line === undefined ? undefined : readRequest(line);
    if (request === undefined) {
      const sentence = `write one line of JSON, of at most ${SOCKET_LINE_LIMIT} bytes`;
      return this.#say(socket, { kind: 'refused', sentence }, signal);
    }
    if (!request.success) {
      return this.#say(socket, { kind: 'refused', sentence: z.prettifyError(request.error) }, signal);
    }
    const answered = async (): Promise<void> => {
      signal.throwIfAborted();
      await this.#say(socket, await this.#options.answer(request.data, signal), signal);
    };
    if (request.data.ask !== 'file') return answered();
    const done = this.#lastFile.then(answered);
    this.#lastFile = done.catch(() => undefined);
    return done;
  }

  /** Resolves once the peer has taken all of it; it need not close its side, which it might never. */
  async #say(socket: Socket, reply: SocketReply, signal: AbortSignal): Promise<void> {
    const { replyWithinMs = REPLY_WITHIN_MS } = this.#options;
    await withDeadline('taking the reply', replyWithinMs, signal, async () => {
      const taken = Promise.withResolvers<void>();
      socket.end(`${JSON.stringify(reply)}\n`, () => taken.resolve());
      await taken.promise;
    });
    socket.destroy();
  }
}

/** The first line, or undefined when it is longer than it may be. */
async function readLine(socket: Socket, signal: AbortSignal): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  socket.on('data', (chunk: Buffer) => {
    const end = chunk.indexOf('\n');
    chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
    size += end < 0 ? chunk.length : end;
    if (size > SOCKET_LINE_LIMIT) resolve(undefined);
    else if (end >= 0) resolve(Buffer.concat(chunks).toString('utf8'));
  });
  try {
    return await promise;
  } finally {
    // What comes after it is read and thrown away, so that the end of the connection is seen.
    socket.removeAllListeners('data').resume();
  }
}

function readRequest(line: string): z.ZodSafeParseResult<SocketRequest> | undefined {
  try {
    return SocketRequest.safeParse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

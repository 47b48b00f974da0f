import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { type PushRequest, SOCKET_LINE_LIMIT, type SocketReply, SocketRequest } from '#core/action-socket.ts';
import { messageOf } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import { newNonce } from '#lib/id.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';

/** A line, or one with a file that follows it, which goes when it was taken. */
export type Answer = SocketReply | { readonly reply: SocketReply; readonly file: string };

export interface ActionServerOptions {
  readonly path: string;
  /** `body` is a file with what followed the line of a request that says so; it goes when this has resolved. */
  readonly answer: (request: SocketRequest, signal: AbortSignal, body?: string) => Promise<Answer>;
  /** Where such files, and those that follow an answer, are kept meanwhile; ours alone, and empty at each start. */
  readonly bodyDir: string;
  readonly log: Logger;
  readonly replyWithinMs?: number;
}

/** How long a caller may take to say what it wants. */
const REQUEST_WITHIN_MS = 5000;
const CONNECTIONS_AT_ONCE = 32;
/** How long one may take to read what it is told. */
const REPLY_WITHIN_MS = 30_000;
/** The same where there is a file to take or to hand over. */
const BODY_WITHIN_MS = 300_000;

/**
 * The socket through which the agent's own turns ask its daemon. The peer is not trusted: a connection is one line of
 * JSON in, of limited size and within a limited time, and one line out. Files and bundles go out one after another, the
 * next when the last was taken, and bundles come in one after another, the next when the last was answered: many at once
 * would fit neither into the daemon's memory nor on its disk. Who may connect is decided by the folder.
 */
export class ActionServer implements Part {
  readonly name = 'actions';
  readonly #options: ActionServerOptions;
  readonly #stopping = new AbortController();
  #server: Server | undefined;
  /** Each resolves when the file that goes out or comes in, and those that wait for it, are done. */
  readonly #last = { out: Promise.resolve(), in: Promise.resolve() };

  constructor(options: ActionServerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { path: at, bodyDir, log } = this.#options;
    await rm(bodyDir, { recursive: true, force: true });
    await mkdir(bodyDir, { recursive: true, mode: 0o700 });
    // What a killed process left cannot be listened on.
    await rm(at, { force: true });
    // A caller that closes its side has gone away: nobody waits for what it asked.
    const server = createServer((socket) => {
      this.#serve(socket).catch((error) => log.debug({ reason: messageOf(error) }, 'caller went away'));
    });
    server.maxConnections = CONNECTIONS_AT_ONCE;
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.on('error', (error) => {
      reject(error);
      log.error({ err: error, path: at }, 'the socket of the actions failed');
    });
    server.listen(at, resolve);
    await promise;
    // The mode of its folder says who reaches it.
    await chmod(at, 0o666);
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
      const head = await withDeadline('the request', REQUEST_WITHIN_MS, signal, (until) =>
        readHead(socket, until),
      );
      await this.#reply(socket, head, signal);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async #reply(socket: Socket, head: Head | undefined, signal: AbortSignal): Promise<void> {
    const request = head && readRequest(head.line);
    if (!head || !request) {
      const sentence = `write one line of JSON, of at most ${SOCKET_LINE_LIMIT} bytes`;
      return this.#say(socket, { kind: 'refused', sentence }, signal);
    }
    if (!request.success) {
      return this.#say(socket, { kind: 'refused', sentence: z.prettifyError(request.error) }, signal);
    }
    const { data } = request;
    if (data.ask === 'push')
      return this.#inTurn('in', signal, () => this.#replyToBody(socket, data, head.rest, signal));
    // What comes after it is read and thrown away, so that the end of the connection is seen.
    socket.resume();
    const answered = async (): Promise<void> =>
      this.#say(socket, await this.#options.answer(data, signal), signal);
    return data.ask === 'file' || data.ask === 'clone' ? this.#inTurn('out', signal, answered) : answered();
  }

  async #inTurn(way: 'out' | 'in', signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const done = this.#last[way].then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#last[way] = done.catch(() => undefined);
    return done;
  }

  async #replyToBody(socket: Socket, request: PushRequest, rest: Buffer, signal: AbortSignal): Promise<void> {
    const { bodyDir, answer } = this.#options;
    const file = path.join(bodyDir, newNonce());
    try {
      await withDeadline('the body', BODY_WITHIN_MS, signal, (within) =>
        receive(socket, { file, size: request.size, rest }, within),
      );
      await this.#say(socket, await answer(request, signal, file), signal);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Resolves once the peer has taken all of it; it need not close its side, which it might never. */
  async #say(socket: Socket, answer: Answer, signal: AbortSignal): Promise<void> {
    const { replyWithinMs = REPLY_WITHIN_MS } = this.#options;
    const { reply, file } = 'reply' in answer ? answer : { reply: answer, file: undefined };
    const line = `${JSON.stringify(reply)}\n`;
    try {
      await withDeadline(
        'taking the reply',
        file ? BODY_WITHIN_MS : replyWithinMs,
        signal,
        async (within) => {
          if (file) {
            socket.write(line);
            return pipeline(createReadStream(file), socket, { signal: within });
          }
          const taken = Promise.withResolvers<void>();
          socket.end(line, () => taken.resolve());
          return taken.promise;
        },
      );
    } finally {
      if (file) await rm(file, { force: true });
    }
    socket.destroy();
  }
}

/** The first line of a connection, and what came with it of what follows. */
interface Head {
  readonly line: string;
  readonly rest: Buffer;
}

/** Undefined when the line is longer than it may be. The connection stands still afterwards. */
async function readHead(socket: Socket, signal: AbortSignal): Promise<Head | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Head | undefined>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  socket.on('data', (chunk: Buffer) => {
    const end = chunk.indexOf('\n');
    chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
    size += end < 0 ? chunk.length : end;
    const isTooLong = size > SOCKET_LINE_LIMIT;
    if (!isTooLong && end < 0) return;
    socket.removeAllListeners('data').pause();
    resolve(
      isTooLong ? undefined : { line: Buffer.concat(chunks).toString('utf8'), rest: chunk.subarray(end + 1) },
    );
  });
  try {
    return await promise;
  } finally {
    socket.removeAllListeners('data');
  }
}

/** Writes `size` bytes into a file, the first of which are `rest`; what comes after them is thrown away. */
async function receive(
  socket: Socket,
  { file, size, rest }: { readonly file: string; readonly size: number; readonly rest: Buffer },
  signal: AbortSignal,
): Promise<void> {
  await using into = await open(file, 'wx', 0o600);
  let left = size;
  const take = async (chunk: Buffer): Promise<void> => {
    const taken = chunk.subarray(0, left);
    left -= taken.length;
    await into.write(taken);
  };
  await take(rest);
  if (left > 0) {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      signal.throwIfAborted();
      await take(chunk as Buffer);
      if (left === 0) break;
    }
  }
  socket.resume();
  if (left > 0) throw new Error(`the body ended ${left} bytes too early`);
}

function readRequest(line: string): z.ZodSafeParseResult<SocketRequest> | undefined {
  try {
    return SocketRequest.safeParse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { SOCKET_LINE_LIMIT, SocketReply, SocketRequest } from '#core/action-socket.ts';
import { messageOf } from '#core/errors.ts';
import type { Clock } from '#lib/clock.ts';
import { CliError, usageError } from './cli-error.ts';

/** How long a daemon that is asked may be away, and how often it is looked for: systemd starts it again within seconds. */
const BACK_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 500;
/** A file is not handed in for ever where the daemon goes away over it. */
const SENT_AT_MOST = 3;

interface CallOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A file that follows the request. */
  readonly send?: string | undefined;
  /** Where what follows the reply is written. */
  readonly receive?: string | undefined;
}

/**
 * Asks the daemon of this machine and waits for what people decide. A daemon that goes away meanwhile is asked again:
 * the same question is the same, however often.
 */
export async function askDaemon(
  socketPath: string,
  asked: unknown,
  { clock, signal, ...files }: CallOptions,
): Promise<SocketReply> {
  const line = lineOf(asked);
  let awaySince: number | undefined;
  let sent = 0;
  for (;;) {
    const startedAt = clock.now();
    try {
      return await askOnce(socketPath, line, { signal, ...files });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CliError) throw error;
      if (files.send !== undefined && !isAway(error)) sent += 1;
      if (sent >= SENT_AT_MOST) {
        throw new CliError(
          `The daemon of this machine went away ${sent} times while it had ${files.send}.`,
          'Its log says why. Run it again later, or with fewer commits.',
          { cause: error },
        );
      }
      // It was there if it has kept us waiting.
      if (clock.now() - startedAt > LOOK_AGAIN_MS) awaySince = undefined;
      awaySince ??= clock.now();
      if (clock.now() - awaySince < BACK_WITHIN_MS) {
        await clock.sleep(LOOK_AGAIN_MS, signal);
        continue;
      }
      throw new CliError(
        `The daemon of this machine does not answer at ${socketPath}.`,
        'Is olympusd running, and is OLYMPUS_ACTION_SOCKET right?',
        { cause: error },
      );
    }
  }
}

function lineOf(asked: unknown): string {
  const request = SocketRequest.safeParse(asked);
  if (!request.success) throw usageError(`${z.prettifyError(request.error)}.`, 'See --help.');
  const line = JSON.stringify(request.data);
  const size = Buffer.byteLength(line);
  if (size <= SOCKET_LINE_LIMIT) return `${line}\n`;
  throw usageError(
    `It has ${size} bytes in all and may have ${SOCKET_LINE_LIMIT}; a character outside ASCII has several.`,
    'Write less.',
  );
}

async function askOnce(
  socketPath: string,
  line: string,
  { signal, send, receive }: Omit<CallOptions, 'clock'>,
): Promise<SocketReply> {
  const socket = connect({ path: socketPath, signal });
  try {
    socket.write(line);
    const lines = readLine(socket);
    lines.catch(() => undefined); // Said below.
    // A request that is refused is not read to its end.
    if (send !== undefined)
      await pipeline(createReadStream(send), socket, { end: false }).catch(() => undefined);
    const { line: said, rest } = await lines;
    const reply = SocketReply.parse(JSON.parse(said));
    if (reply.kind === 'bundle' && receive !== undefined) await keep(socket, rest, receive, reply.size);
    return reply;
  } finally {
    socket.destroy();
  }
}

/** Nobody listens there. */
function isAway(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ECONNREFUSED', 'ENOENT'].includes(String(error.code));
}

/** The first line, and what came with it of what follows; the connection stands still afterwards. */
async function readLine(socket: Socket): Promise<{ line: string; rest: Buffer }> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer;
    const end = bytes.indexOf('\n');
    chunks.push(end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0) return { line: Buffer.concat(chunks).toString('utf8'), rest: bytes.subarray(end + 1) };
  }
  throw new Error('the daemon went away');
}

/** Writes what follows into a file, which is there only once it is whole. */
async function keep(socket: Socket, rest: Buffer, file: string, size: number): Promise<void> {
  const part = `${file}.part`;
  const into = createWriteStream(part);
  into.on('error', () => undefined); // Said by the pipeline.
  try {
    into.write(rest);
    await pipeline(socket, into);
  } catch (error) {
    await rm(part, { force: true });
    if (into.errored === null) throw error;
    throw new CliError(`${file} cannot be written: ${messageOf(into.errored)}.`, 'Give another file.');
  }
  const { size: got } = await stat(part);
  if (got !== size) {
    await rm(part, { force: true });
    throw new Error(`${got} of ${size} bytes arrived`);
  }
  await rename(part, file);
}

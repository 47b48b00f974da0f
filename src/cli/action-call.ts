import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { SocketReply, SocketRequest } from '#core/action-socket.ts';
import type { Clock } from '#lib/clock.ts';
import { CliError, usageError } from './cli-error.ts';

/** How long a daemon that is asked may be away, and how often it is looked for: systemd starts it again within seconds. */
const BACK_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 500;

/**
 * Asks the daemon of this machine and waits for what people decide. A daemon that goes away meanwhile is asked again:
 * the same question is the same, however often.
 */
export async function askDaemon(
  socketPath: string,
  asked: unknown,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SocketReply> {
  const request = SocketRequest.safeParse(asked);
  if (!request.success) throw usageError(`${z.prettifyError(request.error)}.`, 'See --help.');
  let awaySince: number | undefined;
  for (;;) {
    const startedAt = clock.now();
    try {
      return await askOnce(socketPath, request.data, signal);
    } catch (error) {
      signal.throwIfAborted();
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

async function askOnce(
  socketPath: string,
  request: SocketRequest,
  signal: AbortSignal,
): Promise<SocketReply> {
  const socket = connect({ path: socketPath, signal });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    return SocketReply.parse(JSON.parse(await text(socket)));
  } finally {
    socket.destroy();
  }
}

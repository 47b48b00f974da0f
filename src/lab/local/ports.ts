import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range from which the kernel takes ports for outgoing connections: nobody else is given one of these. */
const FREE_PORTS = { from: 20_000, to: 32_000 } as const;
const TRIES = 50;

/** What this process has chosen. By UDP, which leaves TCP to the one who is going to listen there. */
const chosen = new Map<number, Socket>();

/**
 * `preferred` when nothing listens there, else (or for 0) a random free one. Loopback only. Until it is listened on,
 * which takes a program seconds, nobody else on this machine is given it, as long as this process lives.
 */
export async function choosePort(preferred: number): Promise<number> {
  if (preferred > 0 && (await choose(preferred))) return preferred;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = randomInt(FREE_PORTS.from, FREE_PORTS.to);
    if (!chosen.has(port) && (await choose(port))) return port;
  }
  throw new Error(`no free port found between ${FREE_PORTS.from} and ${FREE_PORTS.to}`);
}

async function choose(port: number): Promise<boolean> {
  if (!(await isFree(port))) return false;
  if (chosen.has(port)) return true;
  const socket = createSocket('udp4').unref();
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(socket, 'listening');
  } catch {
    socket.close();
    return false;
  }
  chosen.set(port, socket);
  return true;
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}

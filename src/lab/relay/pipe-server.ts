import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';

/** One end of a connection: a unix socket, or a port of an address. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

export interface PipeServerOptions {
  readonly name: string;
  readonly listen: Endpoint;
  readonly connect: Endpoint;
  readonly log: Logger;
  /** How long a connection of which one direction has ended may stay silent in the other. */
  readonly halfOpenTimeoutMs?: number;
}

/** More at once than a fleet of agents needs; what comes beyond is closed at once. */
const MAX_CONNECTIONS = 512;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
const HALF_OPEN_TIMEOUT_MS = 600_000;

/**
 * Passes bytes on between who connects here and one place, in both directions. An end of one direction is passed
 * on as such (half-close); whatever breaks one side ends the other.
 */
export class PipeServer implements Part {
  readonly name: string;
  readonly #options: PipeServerOptions;
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: PipeServerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#pass(socket));
    server.maxConnections = MAX_CONNECTIONS;
    await listenOn(server, this.#options.listen);
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  health(): Health {
    return { live: true, ready: this.#server !== undefined };
  }

  /** How many sockets are open, both sides counted. */
  get openSockets(): number {
    return this.#open.size;
  }

  async #pass(near: Socket): Promise<void> {
    const { connect, halfOpenTimeoutMs = HALF_OPEN_TIMEOUT_MS } = this.#options;
    this.#track(near);
    const far = createConnection({ ...connect, allowHalfOpen: true, noDelay: true });
    this.#track(far);
    try {
      await connected(far, near);
      const endHalf = (): void => endWhenIdle(near, far, halfOpenTimeoutMs);
      await Promise.all([pipeline(near, far).then(endHalf), pipeline(far, near).then(endHalf)]);
    } catch (error) {
      // A peer that hangs up or is not there is everyday; whoever connected sees the connection end.
      this.#options.log.debug({ err: error, gate: this.name }, 'connection ended early');
    } finally {
      near.destroy();
      far.destroy();
    }
  }

  /** Both ends are watched from the first moment: an error nobody listens for would end the process. */
  #track(socket: Socket): void {
    this.#open.add(socket);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#open.delete(socket));
  }
}

/** Listens; a unix socket that an earlier process left behind is replaced, and only root may connect to the new one. */
export async function listenOn(server: Server, endpoint: Endpoint): Promise<void> {
  if ('path' in endpoint) rmSync(endpoint.path, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(endpoint, resolve);
  await promise;
  server.off('error', reject);
}

/** An ended direction may mean that the peer is gone altogether: nothing tells, as long as nothing is written to it. */
function endWhenIdle(near: Socket, far: Socket, timeoutMs: number): void {
  for (const socket of [near, far]) socket.setTimeout(timeoutMs, () => socket.destroy());
}

/** Resolves when `far` is connected; rejects when it cannot be, or when `near` goes away meanwhile. */
async function connected(far: Socket, near: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('no connection in time')), CONNECT_TIMEOUT_MS);
  const onClose = (): void => reject(new Error('closed before it was connected'));
  far.once('connect', resolve);
  far.once('error', reject);
  near.once('close', onClose);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    far.off('error', reject);
    near.off('close', onClose);
  }
}

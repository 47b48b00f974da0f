import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health, Part, PartHealth } from './lifecycle.ts';
import { PortInUseError } from './port-in-use.ts';

export interface HealthServerOptions {
  readonly port: number;
  readonly parts: () => PartHealth[];
  /** The registry's text in Prometheus exposition format. */
  readonly metrics: () => Promise<{ contentType: string; body: string }>;
}

/**
 * `/livez`, `/readyz` and `/metrics` on loopback: three fixed answers, so Node's own server, which costs an agent's
 * VM less memory than a framework. 503 with the parts that fail when not live or not ready.
 */
export class HealthServer implements Part {
  readonly name = 'health-server';
  readonly #options: HealthServerOptions;
  #server: Server | undefined;

  constructor(options: HealthServerOptions) {
    this.#options = options;
  }

  /** The port listened on; 0 before the start. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  async start(): Promise<void> {
    const server = createServer(async (request, response) => {
      const answer = await this.#answer(request.url ?? '/').catch((error: unknown) =>
        json(500, { error: String(error) }),
      );
      response.writeHead(answer.status, { 'content-type': answer.contentType });
      response.end(answer.body);
    });
    server.requestTimeout = 5000;
    server.keepAliveTimeout = 5000;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE' ? new PortInUseError(this.#options.port, 'OLYMPUS_HEALTH_PORT') : error,
      ),
    );
    server.listen(this.#options.port, '127.0.0.1', resolve);
    await promise;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    await promise;
  }

  health(): Health {
    return { live: true, ready: true };
  }

  async #answer(url: string): Promise<{ status: number; contentType: string; body: string }> {
    const parts = this.#options.parts();
    switch (url.split('?')[0]) {
      case '/livez':
        return verdict(parts, (part) => part.live);
      case '/readyz':
        return verdict(parts, (part) => part.live && part.ready);
      case '/metrics':
        return { status: 200, ...(await this.#options.metrics()) };
      default:
        return json(404, { error: 'there are /livez, /readyz and /metrics' });
    }
  }
}

function verdict(parts: PartHealth[], good: (part: PartHealth) => boolean) {
  const failing = parts.filter((part) => !good(part));
  return json(failing.length === 0 ? 200 : 503, { ok: failing.length === 0, failing });
}

function json(status: number, value: unknown) {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

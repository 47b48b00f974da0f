import type { FastifyInstance } from 'fastify';
import type { Health, Part } from '#lib/lifecycle.ts';
import { PortInUseError } from '#lib/port-in-use.ts';
import type { ApiTokens } from './tokens.ts';

/** Listens for the API. */
export class ApiServer implements Part {
  readonly name = 'api';
  readonly #app: FastifyInstance;
  readonly #address: { host: string; port: number };
  readonly #tokens: ApiTokens;

  constructor(app: FastifyInstance, tokens: ApiTokens, address: { host: string; port: number }) {
    this.#app = app;
    this.#tokens = tokens;
    this.#address = address;
  }

  async start(): Promise<void> {
    await this.#app.listen(this.#address).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      throw new PortInUseError(this.#address.port, 'OLYMPUS_API_PORT');
    });
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }

  health(): Health {
    const { problem } = this.#tokens;
    return { live: true, ready: problem === undefined, ...(problem ? { reason: problem } : {}) };
  }
}

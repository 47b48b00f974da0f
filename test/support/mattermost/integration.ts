import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface IntegrationAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request that an integration got. */
export interface IntegrationCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What buttons lead to: notes every call and gives the answer it was told to give. */
export class Integration {
  readonly calls: IntegrationCall[] = [];
  answer: IntegrationAnswer = { status: 200, text: '{}' };
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const { method = '', url = '', headers } = request;
      this.calls.push({ method, path: url, headers, body: await text(request) });
      response.writeHead(this.answer.status).end(this.answer.text);
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #host = '';

  get host(): string {
    return this.#host;
  }

  /** Nobody listens from here on. Twice is once. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

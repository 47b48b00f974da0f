import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One event as it came over the wire. */
export interface Received {
  readonly event: string;
  readonly delivery: string;
  readonly signature: string;
  readonly raw: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into payloads of many kinds
  readonly payload: any;
}

/** A place for webhooks that keeps what comes; `status` is what it answers. */
export class WebhookSink implements AsyncDisposable {
  readonly received: Received[] = [];
  status = 202;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<WebhookSink> {
    const server = createServer();
    const sink = new WebhookSink(server);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const raw = Buffer.concat(chunks);
      const header = (name: string): string => String(request.headers[name] ?? '');
      sink.received.push({
        event: header('x-github-event'),
        delivery: header('x-github-delivery'),
        signature: header('x-hub-signature-256'),
        raw,
        payload: JSON.parse(raw.toString('utf8')),
      });
      response.writeHead(sink.status).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** `issues.opened`, `push`: the names of what came, in order. */
  get names(): string[] {
    return this.received.map(({ event, payload }) => (payload.action ? `${event}.${payload.action}` : event));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** What GitHub writes into X-Hub-Signature-256. */
export function signatureOf(secret: string, raw: Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type WebSocket as Socket, WebSocketServer } from 'ws';

export interface FakeGatewayOptions {
  readonly tickIntervalMs?: number;
  readonly token?: string;
  /** A free one when absent. */
  readonly port?: number;
  /** The payload of the answer to a call; undefined leaves it unanswered. */
  readonly answer?: (method: string, params: Record<string, unknown>) => unknown;
  /** Whether it hangs up on every WebSocket, and leaves what it is asked over HTTP, but for its readiness, unanswered. */
  readonly isDeaf?: () => boolean;
}

/** Is ready, speaks the handshake of protocol 4, and leaves the rest to the test. */
export interface FakeGateway extends AsyncDisposable {
  readonly url: string;
  readonly connections: Socket[];
  /** What it was asked over HTTP: paths, oldest first. */
  readonly asked: readonly string[];
}

/** Starts one on a free port of the loopback interface. */
export async function startFakeGateway({
  tickIntervalMs = 30_000,
  token = 'right',
  port = 0,
  answer,
  isDeaf = () => false,
}: FakeGatewayOptions = {}): Promise<FakeGateway> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    if (url !== '/readyz' && isDeaf()) return;
    response.end(JSON.stringify({ ready: true, failing: [] }));
  });
  const connections: Socket[] = [];
  new WebSocketServer({ server }).on('connection', (socket) => {
    if (isDeaf()) return socket.terminate();
    connections.push(socket);
    const send = (frame: object): void => socket.send(JSON.stringify(frame));
    send({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: 1 } });
    socket.on('message', (data) => {
      const { id, method, params } = JSON.parse(String(data));
      if (method === 'echo') send({ type: 'res', id, ok: true, payload: params });
      const payloadOf = method === 'connect' ? undefined : answer?.(method, params);
      if (payloadOf !== undefined) send({ type: 'res', id, ok: true, payload: payloadOf });
      if (method !== 'connect') return;
      if (params.auth.token !== token) {
        const error = { code: 'INVALID_REQUEST', message: 'unauthorized: gateway token mismatch' };
        return send({ type: 'res', id, ok: false, error });
      }
      const payload = {
        type: 'hello-ok',
        protocol: 4,
        server: { version: 'fake' },
        auth: { scopes: params.scopes },
        policy: { tickIntervalMs },
      };
      send({ type: 'res', id, ok: true, payload });
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    connections,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.terminate();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

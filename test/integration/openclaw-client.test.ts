import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type WebSocket as Socket, WebSocketServer } from 'ws';
import { OlympusError } from '#core/errors.ts';
import { GatewayClient } from '#integrations/openclaw/client.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';

/** Speaks the handshake of protocol 4 and leaves the rest to the test. */
interface FakeGateway extends AsyncDisposable {
  readonly url: string;
  readonly connections: Socket[];
}

async function startFakeGateway({ tickIntervalMs = 30_000, token = 'right' } = {}): Promise<FakeGateway> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const connections: Socket[] = [];
  server.on('connection', (socket) => {
    connections.push(socket);
    const send = (frame: object): void => socket.send(JSON.stringify(frame));
    send({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: 1 } });
    socket.on('message', (data) => {
      const { id, method, params } = JSON.parse(String(data));
      if (method === 'echo') send({ type: 'res', id, ok: true, payload: params });
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
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('the client of the gateway', () => {
  const never = new AbortController().signal;
  const log = createLogger({ name: 'test', destination: { write: () => undefined } });
  const clients: GatewayClient[] = [];
  const newClient = (url: string, token = 'right'): GatewayClient => {
    const client = new GatewayClient({ url, token, clock: systemClock, log, connectTimeoutMs: 2_000 });
    clients.push(client);
    return client;
  };
  const isUnavailable = (error: unknown): boolean =>
    error instanceof OlympusError && error.code === 'gateway_unavailable';

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  it('rejects every outstanding call when the connection is lost, and connects again', async () => {
    await using gateway = await startFakeGateway();
    const client = newClient(gateway.url);
    await client.connect(never);
    const calls = ['a', 'b'].map((name) => client.call('never-answered', { name }, 5_000, never));

    gateway.connections[0]?.terminate();

    for (const call of calls) await assert.rejects(call, isUnavailable);
    assert.deepEqual(await client.call('echo', { text: 'back' }, 1_000, never), { text: 'back' });
    assert.equal(gateway.connections.length, 2);
  });

  it('gives up a connection that has gone silent', async () => {
    await using gateway = await startFakeGateway({ tickIntervalMs: 20 });
    const client = newClient(gateway.url);

    await assert.rejects(client.call('never-answered', {}, 5_000, never), /said nothing for 50 ms/);
  });

  it('ends a call at its deadline', async () => {
    await using gateway = await startFakeGateway();

    await assert.rejects(newClient(gateway.url).call('never-answered', {}, 30, never), /within 30 ms/);
  });

  it('says why it was not let in, without saying the token', async () => {
    await using gateway = await startFakeGateway();
    const client = newClient(gateway.url, 'wrong-secret');

    await assert.rejects(client.connect(never), isUnavailable);

    assert.match(client.refusal ?? '', /gateway token mismatch/);
    assert.doesNotMatch(client.refusal ?? '', /wrong-secret/);
  });

  it('rejects at once when nobody listens', async () => {
    const gateway = await startFakeGateway();
    await gateway[Symbol.asyncDispose]();

    await assert.rejects(newClient(gateway.url).connect(never), isUnavailable);
  });
});

import assert from 'node:assert/strict';
import { OlympusError } from '#core/errors.ts';
import { GatewayClient } from '#integrations/openclaw/client.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { startFakeGateway } from '#test/fake-gateway.ts';

describe('the client of the gateway', () => {
  const never = new AbortController().signal;
  const log = createLogger({ name: 'test', destination: { write: () => undefined } });
  const clients: GatewayClient[] = [];
  const newClient = (url: string, token = 'right'): GatewayClient => {
    const client = new GatewayClient({ url, token, clock: systemClock, log, connectTimeoutMs: 15_000 });
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
    assert.deepEqual(await client.call('echo', { text: 'back' }, 15_000, never), { text: 'back' });
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

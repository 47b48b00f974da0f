import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { assertAnswered, HarnessBench, newTurn, says } from '#test/harness-bench.ts';
import { waitFor } from '#test/wait.ts';

describe('the OpenClaw harness, when it gets hard', function () {
  this.timeout(120_000);
  let bench: HarnessBench;
  const never = new AbortController().signal;

  before(async function () {
    this.timeout(700_000);
    bench = await HarnessBench.open();
  });
  after(async () => {
    await bench?.[Symbol.asyncDispose]();
  });
  afterEach(() => bench.tidy());

  it('goes over HTTP when the WebSocket cannot be used', async () => {
    const proxy = await withoutWebSocket(bench.gateway.url);
    const poorer = bench.createHarness({ url: proxy.url });
    await poorer.start(never);
    try {
      const turn = newTurn('the long way', { timeoutMs: 90_000 });

      const outcome = await bench.run(turn, poorer);

      assertAnswered(outcome);
      assert.ok(outcome.usage.inputTokens > 1_000);
    } finally {
      await poorer.stop(never);
      proxy.server.close();
      proxy.server.closeAllConnections();
    }
  });

  it('gets one answer out of every turn whose gateway was killed, and finds older ones again', async () => {
    const { harness, gateway } = bench;
    const older = newTurn('tell a long story');
    bench.script(older, { kind: 'long', characters: 20_000 });
    assertAnswered(await bench.run(older));
    const turn = newTurn('survive', { timeoutMs: 90_000 });
    const queued = newTurn('wait behind it', { sessionKey: turn.sessionKey, timeoutMs: 90_000 });
    bench.script(turn, { kind: 'hang' }, 1);
    const outcomes = [bench.run(turn), bench.run(queued)];
    await waitFor('the model to be asked', () => bench.callsOf(turn).length === 1, { timeoutMs: 45_000 });
    await waitFor('both turns to be written down', async () => {
      const history = JSON.stringify(await bench.historyOf(turn));
      return history.includes(`${turn.runId}:user`) && history.includes(queued.runId);
    });

    await gateway.kill();
    await waitFor('the harness to notice', () => !harness.health().ready);
    // Refused, reset, or closed while it was asked: which of them is chance.
    assert.match(JSON.stringify(harness.health()), /does not answer: (ECONN|UND_ERR_SOCKET)/);
    await gateway.start();

    for (const outcome of await Promise.all(outcomes)) assertAnswered(outcome);
    const answers = bench.callsOf(turn).filter(({ outcome }) => outcome === 'done');
    assert.equal(answers.filter(({ messages }) => !says(messages, queued.runId)).length, 1);
    assert.equal(answers.filter(({ messages }) => says(messages, queued.runId)).length, 1);
    const again = await bench.run(older);
    assertAnswered(again);
    assert.equal(again.text.length, 20_000);
    assert.equal(bench.callsOf(older).length, 1);
    await waitFor('the harness to be ready again', () => harness.health().ready, { timeoutMs: 20_000 });
  });

  it('has a configuration that the gateway finds valid and the audit finds nothing critical in', async () => {
    const validated = await bench.gateway.cli('config', 'validate', '--json');
    const audited = await bench.gateway.cli('security', 'audit', '--json');

    assert.equal(JSON.parse(validated.stdout).valid, true, validated.stdout);
    assert.equal(JSON.parse(audited.stdout).summary.critical, 0, audited.stdout);
  });
});

/** A way to a gateway that lets HTTP through and refuses every upgrade. */
async function withoutWebSocket(target: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { method, headers, url = '/' } = request;
    const upstream = httpRequest(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  });
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, server };
}

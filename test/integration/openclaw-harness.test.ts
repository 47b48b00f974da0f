import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import path from 'node:path';
import type { Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import { GatewayClient } from '#integrations/openclaw/client.ts';
import {
  createOpenclawHarness,
  type OpenclawHarness,
  type OpenclawHarnessOptions,
} from '#integrations/openclaw/harness.ts';
import { systemClock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { type Gateway, startGateway } from '#test/openclaw-gateway.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { type Behaviour, createModelStandin, type ModelStandin } from '../../src/standins/model/server.ts';

const MODEL_KEY = 'sk-test-model-key';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the OpenClaw harness', function () {
  this.timeout(60_000);

  let dir: TempDir;
  let model: ModelStandin;
  let gateway: Gateway;
  let daemon: OpenclawHarness;
  let lines: string[] = [];
  const never = new AbortController().signal;

  before(async function () {
    this.timeout(700_000);
    dir = await tempDir('openclaw');
    const keyFile = path.join(dir.path, 'model-key');
    await writeFile(keyFile, MODEL_KEY, { mode: 0o600 });
    model = await createModelStandin({ keyFile });
    gateway = await startGateway({
      agent: 'hermes',
      modelUrl: model.url,
      dir: dir.path,
      modelKey: MODEL_KEY,
    });
    daemon = await startDaemon({ warmUpTimeoutMs: 30_000 });
  });
  after(async () => {
    await daemon?.stop(never);
    await gateway?.[Symbol.asyncDispose]();
    await model?.close();
    await dir?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    lines = [];
  });
  afterEach(() => {
    noteForFailure('log of the harness', lines.join(''));
    model.clear();
  });

  async function startDaemon(more: Partial<OpenclawHarnessOptions> = {}): Promise<OpenclawHarness> {
    const log = createLogger({
      name: 'test',
      destination: { write: (line: string) => void lines.push(line) },
    });
    const { url, token } = gateway;
    const common = { url, token, log, clock: systemClock, warmUpTimeoutMs: 0, probeEveryMs: 200 };
    const harness = createOpenclawHarness({ ...common, ...more });
    await harness.start(never);
    return harness;
  }

  /** A turn of a session of its own, whose text no other turn has. */
  function newTurn(text: string, more: Partial<Turn> = {}): Turn {
    const runId = newNonce();
    return {
      runId,
      sessionKey: `olympus:task:${runId}`,
      text: `${text} (${runId})`,
      context: '',
      timeoutMs: 30_000,
      ...more,
    };
  }

  function run(turn: Turn, by = daemon, onProgress: (progress: TurnProgress) => void = () => undefined) {
    return by.run(turn, onProgress, never);
  }

  /** What the model does with every call about this turn. */
  function script(turn: Turn, behaviour: Behaviour, times = 100): void {
    model.script({ match: turn.runId, matchIn: 'any', times, behaviour });
  }

  function callsOf(turn: Turn) {
    return model.requests().filter(({ messages }) => messages.some(({ text }) => text.includes(turn.runId)));
  }

  function assertAnswered(
    outcome: TurnOutcome,
  ): asserts outcome is Extract<TurnOutcome, { kind: 'answered' }> {
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome));
  }

  it('is ready once a warm-up turn has gone through', async () => {
    assert.equal(daemon.health().ready, false);

    await waitFor('the harness to be ready', () => daemon.health().ready, { timeoutMs: 30_000 });

    const asked = model.requests().flatMap(({ messages }) => messages.map(({ text }) => text));
    assert.ok(asked.some((text) => text.includes('single word OK')));
  });

  it('answers with what SOUL.md and the context of the turn made of the prompt, and counts its use', async () => {
    const soul = `nonce:${newNonce()}`;
    const context = `nonce:${newNonce()}`;
    await writeFile(path.join(gateway.workspaceDir, 'SOUL.md'), `You are hermes. ${soul}\n`);
    const turn = newTurn('who are you?', { context: `Today is a test. ${context}` });
    const kinds = new Set<string>();

    const outcome = await run(turn, daemon, ({ kind }) => kinds.add(kind));

    assertAnswered(outcome);
    assert.match(outcome.text, new RegExp(`seen ${sha256(soul)}`));
    assert.match(outcome.text, new RegExp(`seen ${sha256(context)}`));
    assert.match(outcome.text, new RegExp(`prompt-digest: ${callsOf(turn)[0]?.digest}`));
    assert.equal(outcome.usage.modelCalls, 1);
    assert.ok(outcome.usage.inputTokens > 1_000 && outcome.usage.costMicros > 1_000);
    assert.equal(outcome.usage.model, 'standin-1');
    assert.deepEqual([...kinds], ['started', 'text']);
  });

  it('remembers the session in the next turn', async () => {
    const first = newTurn('my name is Ada');
    const second = newTurn('what is my name?', { sessionKey: first.sessionKey });

    await run(first);
    await run(second);

    const heard =
      callsOf(second)[0]
        ?.messages.map(({ text }) => text)
        .join('\n') ?? '';
    assert.match(heard, new RegExp(first.runId));
  });

  it('runs a run that is asked for twice once', async () => {
    const turn = newTurn('once');

    const [first, second] = [await run(turn), await run(turn)];

    assert.deepEqual(second, first);
    assert.equal(callsOf(turn).length, 1);
  });

  it('tells of tools as proven work', async () => {
    const turn = newTurn('look around');
    script(turn, { kind: 'tool', name: 'exec', args: { command: 'echo here' } }, 1);
    const progress: TurnProgress[] = [];

    const outcome = await run(turn, daemon, (step) => progress.push(step));

    assertAnswered(outcome);
    assert.ok(progress.some(({ kind, detail }) => kind === 'tool' && detail === 'exec'));
    assert.equal(outcome.usage.modelCalls, 2);
  });

  it('takes up a turn that an earlier process started', async () => {
    const turn = newTurn('a long piece of work');
    script(turn, { kind: 'hold', text: 'done' }, 1);
    const earlier = await startDaemon();
    const process = new AbortController();
    const lost = earlier.run(turn, () => undefined, process.signal);
    await waitFor('the model to be asked', () => callsOf(turn).length === 1, { timeoutMs: 10_000 });
    process.abort(new Error('the process is gone'));
    await assert.rejects(lost, /the process is gone/);
    await earlier.stop(never);

    const outcome = run(turn);
    await waitFor('the model to be released', () => model.release(turn.runId) > 0);

    const answered = await outcome;
    assertAnswered(answered);
    assert.equal(answered.text, 'done');
    assert.equal(answered.usage.modelCalls, 1);
    assert.equal(callsOf(turn).length, 1);
  });

  it('queues a second turn of the same session behind the first', async () => {
    const first = newTurn('first');
    const second = newTurn('second', { sessionKey: first.sessionKey });
    script(first, { kind: 'hold' }, 1);
    const [one, two] = [run(first), run(second)];
    await waitFor('the model to be asked', () => callsOf(first).length === 1, { timeoutMs: 10_000 });

    model.release();

    assertAnswered(await one);
    assertAnswered(await two);
    assert.deepEqual(
      [...callsOf(first), ...callsOf(second)].map(({ outcome }) => outcome === 'done'),
      [true, true, true],
    );
  });

  const failures: { says: string; behaviour: Behaviour; failure: string; timeoutMs?: number }[] = [
    { says: '429', behaviour: { kind: 'error', status: 429 }, failure: 'model_rate_limited' },
    {
      says: '429 for longer than the turn may take',
      behaviour: { kind: 'error', status: 429, retryAfterSeconds: 60 },
      failure: 'model_rate_limited',
      timeoutMs: 1_500,
    },
    { says: '500', behaviour: { kind: 'error', status: 500 }, failure: 'model_overloaded' },
    { says: '400', behaviour: { kind: 'error', status: 400 }, failure: 'invalid_input' },
    { says: 'nothing at all', behaviour: { kind: 'hang' }, failure: 'timeout_run', timeoutMs: 1_500 },
    { says: 'half an answer', behaviour: { kind: 'disconnect' }, failure: 'model_overloaded' },
    { says: 'an empty answer', behaviour: { kind: 'answer', text: '' }, failure: 'empty_output' },
  ];
  for (const { says, behaviour, failure, timeoutMs = 15_000 } of failures) {
    it(`ends as ${failure} when the model says ${says}`, async () => {
      const turn = newTurn('try', { timeoutMs });
      script(turn, behaviour);

      const outcome = await run(turn);

      assert.equal(outcome.kind === 'failed' && outcome.failure, failure, JSON.stringify(outcome));
      await waitFor('the provider to be left alone', () =>
        callsOf(turn).every((call) => call.outcome !== 'pending'),
      );
      const again = await run(turn);
      assert.equal(again.kind, 'failed', JSON.stringify(again));
    });
  }

  it('ends as stuck_loop, with its use, when the agent repeats itself', async () => {
    const turn = newTurn('go round');
    script(turn, { kind: 'tool', name: 'exec', args: { command: 'echo same' } }, 1_000);

    const outcome = await run(turn);

    assert.equal(outcome.kind === 'failed' && outcome.failure, 'stuck_loop', JSON.stringify(outcome));
    assert.ok(outcome.usage.modelCalls > 10 && outcome.usage.inputTokens > 10_000);
  });

  it('ends as cancelled when it is aborted', async () => {
    const turn = newTurn('stop me');
    script(turn, { kind: 'hang' });
    const outcome = run(turn);
    await waitFor('the model to be asked', () => callsOf(turn).length === 1, { timeoutMs: 10_000 });

    await daemon.abort(turn.sessionKey, never);

    const ended = await outcome;
    assert.equal(ended.kind === 'failed' && ended.failure, 'cancelled');
    await waitFor('the provider to be left alone', () => callsOf(turn)[0]?.outcome === 'gone');
    await daemon.abort('olympus:task:unheard-of', never);
  });

  it('goes over HTTP when the WebSocket cannot be used', async () => {
    const proxy = await withoutWebSocket(gateway.url);
    const poorer = await startDaemon({ url: proxy.url });
    try {
      const turn = newTurn('the long way');

      const outcome = await run(turn, poorer);

      assertAnswered(outcome);
      assert.ok(outcome.usage.inputTokens > 1_000);
    } finally {
      await poorer.stop(never);
      proxy.server.close();
      proxy.server.closeAllConnections();
    }
  });

  it('is not ready, and says why, when the gateway refuses its token', async () => {
    const stranger = await startDaemon({ token: 'not-the-token', warmUpTimeoutMs: 30_000 });
    try {
      const refused = (): boolean => /refuses us: .*token/.test(JSON.stringify(stranger.health()));
      await waitFor('the refusal to show', refused, { timeoutMs: 10_000 });

      assert.doesNotMatch(JSON.stringify(stranger.health()) + lines.join(''), /not-the-token/);
    } finally {
      await stranger.stop(never);
    }
  });

  it('gets one answer out of every turn whose gateway was killed, and finds older ones again', async function () {
    this.timeout(120_000);
    const older = newTurn('tell a long story');
    script(older, { kind: 'long', characters: 20_000 });
    assertAnswered(await run(older));
    const turn = newTurn('survive', { timeoutMs: 90_000 });
    const queued = newTurn('wait behind it', { sessionKey: turn.sessionKey, timeoutMs: 90_000 });
    script(turn, { kind: 'hang' }, 1);
    const outcomes = [run(turn), run(queued)];
    await waitFor('the model to be asked', () => callsOf(turn).length === 1, { timeoutMs: 10_000 });
    await waitFor('both turns to be written down', async () => {
      const history = JSON.stringify(await historyOf(turn));
      return history.includes(`${turn.runId}:user`) && history.includes(queued.runId);
    });

    await gateway.kill();
    await waitFor('the harness to notice', () => !daemon.health().ready);
    assert.match(JSON.stringify(daemon.health()), /does not answer: ECONN/);
    await gateway.start();

    for (const outcome of await Promise.all(outcomes)) assertAnswered(outcome);
    const answers = callsOf(turn).filter(({ outcome }) => outcome === 'done');
    assert.equal(answers.filter(({ messages }) => !says(messages, queued.runId)).length, 1);
    assert.equal(answers.filter(({ messages }) => says(messages, queued.runId)).length, 1);
    const again = await run(older);
    assertAnswered(again);
    assert.equal(again.text.length, 20_000);
    assert.equal(callsOf(older).length, 1);
    await waitFor('the harness to be ready again', () => daemon.health().ready, { timeoutMs: 20_000 });
  });

  it('has a configuration that the gateway finds valid and the audit finds nothing critical in', async () => {
    const validated = await gateway.cli('config', 'validate', '--json');
    const audited = await gateway.cli('security', 'audit', '--json');

    assert.equal(JSON.parse(validated.stdout).valid, true, validated.stdout);
    assert.equal(JSON.parse(audited.stdout).summary.critical, 0, audited.stdout);
  });

  // Last, because the gateway then refuses the key for half a minute.
  it('ends as model_auth when the model refuses the key, also while the gateway holds that against it', async () => {
    const turn = newTurn('try');
    script(turn, { kind: 'error', status: 401 });

    const outcomes = [await run(turn), await run(newTurn('right after'))];

    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === 'failed' && outcome.failure),
      ['model_auth', 'model_auth'],
    );
  });

  function says(messages: readonly { text: string }[], text: string): boolean {
    return messages.some((message) => message.text.includes(text));
  }

  async function historyOf(turn: Turn): Promise<unknown> {
    const client = new GatewayClient({
      url: gateway.url,
      token: gateway.token,
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    try {
      return await client.call('chat.history', { sessionKey: `agent:main:${turn.sessionKey}` }, 5_000, never);
    } finally {
      client.close();
    }
  }
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

import assert from 'node:assert/strict';
import type { CommandGate, WantedCommand } from '#core/harness.ts';
import { createOpenclawHarness, type OpenclawHarness } from '#integrations/openclaw/harness.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type FakeGateway, startFakeGateway } from '#test/fake-gateway.ts';
import { waitFor } from '#test/wait.ts';

const never = new AbortController().signal;
const turn = { runId: 'run-1', sessionKey: 'olympus:task:1', text: 'hi', context: '', timeoutMs: 60_000 };
const key = `agent:main:${turn.sessionKey}`;

interface Approval {
  readonly id: string;
  readonly request: Record<string, unknown>;
}

describe('the approvals of a gateway', () => {
  let gateway: FakeGateway;
  let harness: OpenclawHarness;
  /** What waits in the gateway. */
  let waiting: Approval[];
  let resolved: unknown[];
  let policy: { version: number; agents: Record<string, unknown> };
  let decided: WantedCommand[];
  let gone: string[];
  let decide: CommandGate['decide'];

  beforeEach(async () => {
    [waiting, resolved, decided, gone] = [[], [], [], []];
    policy = { version: 1, agents: { main: { ask: 'always', allowlist: [{ pattern: '/bin/ls' }] } } };
    decide = async () => true;
    gateway = await startFakeGateway({
      answer(method, params) {
        const running = { hasActiveRun: true, activeRunIds: [turn.runId], status: 'running' };
        const asked = { role: 'user', idempotencyKey: `${turn.runId}:user`, content: 'hi' };
        switch (method) {
          case 'chat.history':
            return { messages: [asked], sessionInfo: running, pendingInputs: { items: [] } };
          case 'exec.approval.list':
            return waiting;
          case 'exec.approval.resolve':
            resolved.push(params);
            waiting = waiting.filter(({ id }) => id !== params['id']);
            return { ok: true };
          case 'exec.approvals.get':
            return { file: policy, hash: 'h' };
          case 'exec.approvals.set':
            policy = params['file'] as typeof policy;
            return { file: policy, hash: 'h' };
          default:
            return undefined;
        }
      },
    });
    const gate: CommandGate = {
      decide(wanted, signal) {
        decided.push(wanted);
        return decide(wanted, signal);
      },
      gone: async ({ id }) => void gone.push(id),
    };
    const log = createLogger({ name: 'test', level: 'silent' });
    const common = { url: gateway.url, token: 'right', log, clock: systemClock, warmUpTimeoutMs: 0 };
    harness = createOpenclawHarness({ ...common, gate });
  });
  afterEach(async () => {
    await harness.stop(never);
    await gateway[Symbol.asyncDispose]();
  });

  /** Has a turn wait for what the test has put there. */
  function pursue(): AsyncDisposable {
    const stop = new AbortController();
    const outcome = harness.run(turn, () => undefined, stop.signal).catch(() => undefined);
    return {
      async [Symbol.asyncDispose]() {
        stop.abort();
        await outcome;
      },
    };
  }
  const approval = (id: string, more: object = {}): Approval => ({
    id,
    request: { command: 'ls', cwd: '/work', runId: turn.runId, sessionKey: key, ...more },
  });
  /** Until the decision on the gateway's request is known. */
  const waits: CommandGate['decide'] = async (_, signal) => {
    const { promise, reject } = Promise.withResolvers<boolean>();
    signal.addEventListener('abort', () => reject(signal.reason));
    return promise;
  };

  it('are those of its turn, and the decision is brought back', async () => {
    decide = async ({ id }) => id === 'a';
    waiting = [approval('a'), approval('b'), approval('c', { runId: 'other' })];
    await using _ = pursue();

    await waitFor('two decisions', () => resolved.length === 2);

    assert.deepEqual(resolved, [
      { id: 'a', decision: 'allow-once' },
      { id: 'b', decision: 'deny' },
    ]);
    assert.deepEqual(decided[0], { id: 'a', turnId: 'run-1', command: 'ls', cwd: '/work' });
    assert.deepEqual(waiting, [approval('c', { runId: 'other' })]);
  });

  it('are denied without a question where nobody could see what would run', async () => {
    waiting = [approval('a', { envKeys: ['TARGET'] })];
    await using _ = pursue();

    await waitFor('a decision', () => resolved.length === 1);

    assert.deepEqual([resolved, decided], [[{ id: 'a', decision: 'deny' }], []]);
  });

  it('are decided on again over the next connection, and not answered where the turn is being ended', async () => {
    decide = waits;
    waiting = [approval('a'), approval('b')];
    await using _ = pursue();
    await waitFor('both to wait', () => decided.length === 2);
    decide = async ({ id }) => (id === 'a' ? true : undefined);

    for (const connection of gateway.connections) connection.terminate();

    await waitFor('a decision', () => resolved.length > 0);
    assert.deepEqual([resolved, gone], [[{ id: 'a', decision: 'allow-once' }], []]);
    assert.equal(waiting.length, 1);
  });

  it('are let go when they are decided on in the gateway', async () => {
    decide = waits;
    waiting = [approval('a')];
    await using _ = pursue();
    await waitFor('it to wait', () => decided.length === 1);

    waiting = [];

    await waitFor('it to be let go', () => gone.length === 1);
    assert.deepEqual([gone, resolved], [['a'], []]);
  });

  it('are tried again when they could not be decided on', async () => {
    decide = async () => {
      if (decided.length === 1) throw new Error('the disk is full');
      return true;
    };
    waiting = [approval('a')];
    await using _ = pursue();

    await waitFor('a decision', () => resolved.length === 1);
  });

  it('do not stand in the way of asking people, and whatever else the policy says stays', async () => {
    const own = { pattern: '/usr/local/bin/olympus', argPattern: '^action ' };
    await harness.start(never);

    await waitFor('the gateway to be ready', () => harness.health().ready);

    const expected = {
      version: 1,
      agents: { main: { ask: 'always', allowlist: [{ pattern: '/bin/ls' }, own] } },
    };
    assert.deepEqual(policy, expected);
  });
});

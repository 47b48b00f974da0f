import assert from 'node:assert/strict';
import type { TurnOutcome, TurnProgress } from '#core/harness.ts';
import { createOpenclawHarness, type OpenclawHarness } from '#integrations/openclaw/harness.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type FakeGateway, startFakeGateway } from '#test/fake-gateway.ts';
import { waitFor } from '#test/wait.ts';

const never = new AbortController().signal;
const turn = { runId: 'run-1', sessionKey: 'olympus:task:1', text: 'hi', context: '', timeoutMs: 60_000 };

describe('a turn that is to end', () => {
  let gateway: FakeGateway;
  let harness: OpenclawHarness;
  /** The run that the gateway has begun. */
  let begun: string;
  let atWork: boolean;
  let isDeaf: boolean;
  /** Whether it leaves everything unanswered that it is asked on a connection that it has. */
  let isWedged: boolean;
  /** Whether the gateway ends it when it is told. */
  let obeys: boolean;
  let restarts: (() => void)[];
  let progress: TurnProgress[];

  beforeEach(async () => {
    [begun, atWork, isDeaf, obeys, restarts, progress] = ['run-1', true, false, false, [], []];
    isWedged = false;
    gateway = await startFakeGateway({
      isDeaf: () => isDeaf,
      answer(method, { idempotencyKey }) {
        if (isWedged) return undefined;
        if (method === 'agent') [begun, atWork] = [String(idempotencyKey), true];
        if (method === 'sessions.abort' && obeys) atWork = false;
        if (method === 'sessions.abort') return { ok: true };
        if (method !== 'chat.history') return undefined;
        const sessionInfo = atWork
          ? { hasActiveRun: true, activeRunIds: [begun], status: 'running' }
          : { hasActiveRun: false, status: 'killed' };
        const asked = { role: 'user', idempotencyKey: `${begun}:user`, content: 'hi' };
        return { messages: [asked], sessionInfo, pendingInputs: { items: [] } };
      },
    });
    harness = harnessWith({ warmUpTimeoutMs: 0 });
  });
  afterEach(async () => {
    await harness.stop(never);
    await gateway[Symbol.asyncDispose]();
  });

  function harnessWith(times: {
    readonly warmUpTimeoutMs: number;
    readonly stopWithinMs?: number;
  }): OpenclawHarness {
    return createOpenclawHarness({
      url: gateway.url,
      token: 'right',
      log: createLogger({ name: 'test', level: 'silent' }),
      clock: systemClock,
      stopWithinMs: 300,
      ...times,
      restartAgainMs: 50,
      async restart() {
        const next = restarts.shift();
        if (!next) throw new Error('systemd says no');
        next();
      },
    });
  }

  it('is cancelled without a restart when it ends as it is told', async () => {
    await harness.stop(never);
    // Long enough for one that ends at once, however busy the machine is.
    harness = harnessWith({ warmUpTimeoutMs: 0, stopWithinMs: 30_000 });
    obeys = true;
    restarts = [() => assert.fail('nothing is to be restarted')];

    assert.equal(failureOf(await stopped()), 'cancelled');
    assert.deepEqual(progress, []);
  });

  it('is cancelled once its gateway was restarted, and says so meanwhile', async () => {
    restarts = [
      () => {
        atWork = false;
      },
    ];

    assert.equal(failureOf(await stopped()), 'cancelled');
    assert.deepEqual(
      progress.map(({ kind }) => kind),
      ['unstopped'],
    );
  });

  it('has its gateway restarted as soon where that is there and says nothing any more', async () => {
    await harness.stop(never);
    // One that is away is waited for 30 times as long: longer than this test may take.
    harness = harnessWith({ warmUpTimeoutMs: 0, stopWithinMs: 1_500 });
    const { outcome } = run();
    await waitFor('the turn to be waited for', () => gateway.connections.length > 0);
    isWedged = true;
    restarts = [
      () => {
        [isWedged, atWork] = [false, false];
      },
    ];
    harness.abort(turn.runId, never).catch(() => undefined); // Its deadline is not the turn's.

    assert.equal(failureOf(await outcome), 'cancelled');
    assert.deepEqual(
      progress.map(({ kind }) => kind),
      ['unstopped'],
    );
  }).timeout(40_000);

  it('has its gateway restarted also where that lets nobody in any more, though later', async () => {
    await harness.stop(never);
    harness = harnessWith({ warmUpTimeoutMs: 0, stopWithinMs: 50 });
    const { outcome } = run();
    await waitFor('the turn to be waited for', () => gateway.connections.length > 0);
    isDeaf = true;
    for (const connection of gateway.connections) connection.terminate();
    restarts = [
      () => {
        [isDeaf, atWork] = [false, false];
      },
    ];
    harness.abort(turn.runId, never).catch(() => undefined); // Its deadline is not the turn's.

    assert.equal(failureOf(await outcome), 'cancelled');
    assert.deepEqual(restarts, []);
  }).timeout(40_000);

  it('is told again when the gateway takes it up after the restart', async () => {
    restarts = [
      () => {
        obeys = true;
      },
    ];

    assert.equal(failureOf(await stopped()), 'cancelled');
    assert.equal(atWork, false);
  });

  it('is not called cancelled as long as it may be at work, and says why', async () => {
    const { outcome } = stop();
    const reason = /could not be restarted: systemd says no/;
    await waitFor('the reason', () => progress.some(({ detail }) => reason.test(detail ?? '')));
    assert.equal(await Promise.race([outcome, Promise.resolve('not yet')]), 'not yet');

    restarts = [
      () => {
        atWork = false;
      },
    ];
    assert.equal(failureOf(await outcome), 'cancelled');
  });

  it('is told over the WebSocket where it was begun, also when HTTP was tried meanwhile', async () => {
    await harness.start(never);
    const outcome = harness.run(turn, (each) => void progress.push(each), never);
    await waitFor('the turn to be waited for', () => gateway.connections.length > 0);
    isDeaf = true;
    for (const connection of gateway.connections) connection.terminate();
    const overHttp = (): boolean => gateway.asked.some((asked) => asked.startsWith('/sessions/'));
    await waitFor('HTTP to be tried', overHttp, { timeoutMs: 20_000 });

    harness.abort(turn.runId, never).catch(() => undefined); // Its deadline is not the turn's.
    [isDeaf, obeys] = [false, true];

    assert.equal(failureOf(await outcome), 'cancelled');
    assert.equal(atWork, false, 'it was called cancelled and goes on');
  }).timeout(120_000);

  it('is no reason to restart the gateway when nobody waits for it, as for the warm-up', async () => {
    atWork = false;
    restarts = [() => undefined];
    const fresh = harnessWith({ warmUpTimeoutMs: 200 });
    await fresh.start(never);
    try {
      await waitFor('the harness to be ready', () => fresh.health().ready);

      assert.match(begun, /^warmup-/);
      assert.equal(atWork, true, 'it goes on');
      assert.equal(restarts.length, 1, 'the gateway was restarted');
    } finally {
      await fresh.stop(never);
    }
  });

  function run(): { readonly outcome: Promise<TurnOutcome> } {
    return { outcome: harness.run(turn, (each) => void progress.push(each), never) };
  }

  function stop(): { readonly outcome: Promise<TurnOutcome> } {
    const { outcome } = run();
    harness.abort(turn.runId, never).catch(() => undefined); // Its deadline is not the turn's.
    return { outcome };
  }

  function stopped(): Promise<TurnOutcome> {
    return stop().outcome;
  }
});

function failureOf(outcome: TurnOutcome): string | undefined {
  return outcome.kind === 'failed' ? outcome.failure : undefined;
}

import assert from 'node:assert/strict';
import {
  discardSharedHarnessBench,
  type HarnessBench,
  newTurn,
  sharedHarnessBench,
} from '#test/harness-bench.ts';
import { waitFor } from '#test/wait.ts';
import type { Behaviour } from '../../src/standins/model/server.ts';

describe('a turn of the OpenClaw harness that fails', function () {
  this.timeout(120_000);
  let bench: HarnessBench;
  const never = new AbortController().signal;

  before(async function () {
    this.timeout(700_000);
    bench = await sharedHarnessBench();
  });
  afterEach(() => bench.tidy());

  const failures: { says: string; behaviour: Behaviour; failure: string; timeoutMs?: number }[] = [
    { says: '429', behaviour: { kind: 'error', status: 429 }, failure: 'model_rate_limited' },
    {
      says: '429 for longer than the turn may take',
      behaviour: { kind: 'error', status: 429, retryAfterSeconds: 60 },
      failure: 'model_rate_limited',
      // Long enough for a slow gateway to have heard the refusal: before that, only the time is over.
      timeoutMs: 8_000,
    },
    { says: '500', behaviour: { kind: 'error', status: 500 }, failure: 'model_overloaded' },
    { says: '400', behaviour: { kind: 'error', status: 400 }, failure: 'invalid_input' },
    { says: 'nothing at all', behaviour: { kind: 'hang' }, failure: 'timeout_run', timeoutMs: 1_500 },
    { says: 'half an answer', behaviour: { kind: 'disconnect' }, failure: 'model_overloaded' },
    { says: 'an empty answer', behaviour: { kind: 'answer', text: '' }, failure: 'empty_output' },
  ];
  // The first turn of a gateway takes its time, and so does each retry: on a busy machine more than 15 s.
  for (const { says, behaviour, failure, timeoutMs = 40_000 } of failures) {
    it(`ends as ${failure} when the model says ${says}`, async () => {
      const turn = newTurn('try', { timeoutMs });
      bench.script(turn, behaviour);

      const outcome = await bench.run(turn);

      assert.equal(outcome.kind === 'failed' && outcome.failure, failure, JSON.stringify(outcome));
      await waitFor('the provider to be left alone', () =>
        bench.callsOf(turn).every((call) => call.outcome !== 'pending'),
      );
      const again = await bench.run(turn);
      assert.equal(again.kind, 'failed', JSON.stringify(again));
    });
  }

  it('ends as stuck_loop, with its use, when the agent repeats itself', async () => {
    const turn = newTurn('go round', { timeoutMs: 90_000 });
    bench.script(turn, { kind: 'tool', name: 'exec', args: { command: 'echo same' } }, 1_000);

    const outcome = await bench.run(turn);

    assert.equal(outcome.kind === 'failed' && outcome.failure, 'stuck_loop', JSON.stringify(outcome));
    assert.ok(outcome.usage.modelCalls > 10 && outcome.usage.inputTokens > 10_000);
  });

  it('ends as cancelled when it is aborted', async () => {
    const turn = newTurn('stop me');
    bench.script(turn, { kind: 'hang' });
    const outcome = bench.run(turn);
    await waitFor('the model to be asked', () => bench.callsOf(turn).length === 1, { timeoutMs: 45_000 });

    await bench.harness.abort(turn.runId, never);

    const ended = await outcome;
    assert.equal(ended.kind === 'failed' && ended.failure, 'cancelled');
    await waitFor('the provider to be left alone', () => bench.callsOf(turn)[0]?.outcome === 'gone');
    await bench.harness.abort('unheard-of', never);
  });

  describe('for a key that the model refuses', () => {
    // The gateway then refuses the key itself for half a minute.
    after(discardSharedHarnessBench);

    it('ends as model_auth, also while the gateway holds that against the key', async () => {
      const turn = newTurn('try');
      bench.script(turn, { kind: 'error', status: 401 });

      const outcomes = [await bench.run(turn), await bench.run(newTurn('right after'))];

      assert.deepEqual(
        outcomes.map((outcome) => outcome.kind === 'failed' && outcome.failure),
        ['model_auth', 'model_auth'],
      );
    });
  });
});

import assert from 'node:assert/strict';
import { createOpenclawHarness } from '#integrations/openclaw/harness.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { startFakeGateway } from '#test/fake-gateway.ts';

const never = new AbortController().signal;
const usage = { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 };

describe('a run that ends at the gateway while the daemon looks', () => {
  it('is not run a second time because it is neither active nor in the history for a moment', async () => {
    const asked: string[] = [];
    let looks = 0;
    // As seen on 2026.9.6: the run has ended, its answer stands in the history some 40 ms later.
    await using gateway = await startFakeGateway({
      answer(method, params) {
        if (method === 'agent') asked.push(String(params['idempotencyKey']));
        if (method === 'agent.wait') return { status: 'timeout' };
        if (method !== 'chat.history') return undefined;
        looks += 1;
        const question = {
          role: 'user',
          idempotencyKey: 'run-1:user',
          content: [{ type: 'text', text: 'hi' }],
        };
        const reply = {
          role: 'assistant',
          content: [{ type: 'text', text: 'the answer' }],
          stopReason: 'stop',
          usage,
        };
        return {
          messages: looks === 1 ? [question] : [question, reply],
          sessionInfo: { hasActiveRun: false, status: 'done' },
          pendingInputs: { items: [] },
        };
      },
    });
    const harness = createOpenclawHarness({
      url: gateway.url,
      token: 'right',
      log: createLogger({ name: 'test', level: 'silent' }),
      clock: systemClock,
      warmUpTimeoutMs: 0,
    });
    try {
      const turn = {
        runId: 'run-1',
        sessionKey: 'olympus:task:1',
        text: 'hi',
        context: '',
        timeoutMs: 10_000,
      };
      const outcome = await harness.run(turn, () => undefined, never);

      assert.equal(outcome.kind === 'answered' && outcome.text, 'the answer', JSON.stringify(outcome));
      assert.deepEqual(asked, []);
    } finally {
      await harness.stop(never);
    }
  });
});

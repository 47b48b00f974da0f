import assert from 'node:assert/strict';
import { noUsage } from '#core/usage.ts';
import { History } from '#integrations/openclaw/protocol.ts';
import { attemptKey, type Trace, traceOf } from '#integrations/openclaw/recover.ts';

const usage = { input: 10, output: 2, cacheRead: 0, cacheWrite: 0, cost: { total: 0.5 } };
const asked = (key: string) => ({ role: 'user', content: 'do it', idempotencyKey: `${key}:user` });
const answer = (text: string) => ({
  role: 'assistant',
  content: [{ type: 'text', text }],
  usage,
  model: 'm',
  stopReason: 'stop',
});
const toolCall = { role: 'assistant', content: [{ type: 'toolCall' }], usage, stopReason: 'toolUse' };
const toolResult = { role: 'toolResult', content: [{ type: 'text', text: 'hi' }] };
const resumption = {
  role: 'user',
  content: '[System] Your previous turn was interrupted by a gateway restart.',
  idempotencyKey: 'other:user',
};
const failure = {
  role: 'assistant',
  content: [{ type: 'text', text: '⚠️ LLM request failed (authentication failed, HTTP 401).' }],
  stopReason: 'error',
};

function trace(messages: object[], more: object = {}, sessionInfo: object = {}): Trace {
  return traceOf(History.parse({ messages, sessionInfo, ...more }), 'r1', 'olympus:task:1');
}

describe('what a history says about a run', () => {
  it('is nothing when the run is not in it', () => {
    assert.equal(trace([]).kind, 'none');
    assert.equal(trace([asked('r2'), answer('two')], {}, { hasActiveRun: true }).kind, 'none');
  });

  it('is that it waits its turn while its message is pending', () => {
    const pendingInputs = { items: [{ runId: 'r1', state: 'queued' }] };

    const seen = trace([asked('r2')], { pendingInputs }, { hasActiveRun: true, activeRunIds: ['r2'] });

    assert.deepEqual(seen, { kind: 'running', gatewayRunId: 'r1', resumed: false });
  });

  it('is that it runs, under its own id or under the id of the gateway that took it up', () => {
    const active = { hasActiveRun: true };

    assert.deepEqual(trace([asked('r1')], { inFlightRun: { runId: 'r1' } }, active), {
      kind: 'running',
      gatewayRunId: 'r1',
      resumed: false,
    });
    assert.deepEqual(trace([asked('r1')], {}, { ...active, activeRunIds: ['other'] }), {
      kind: 'running',
      gatewayRunId: 'other',
      resumed: true,
    });
  });

  it('is its answer with the use of all its model calls, also behind a resumption and before a later turn', () => {
    const seen = trace([
      asked('r0'),
      answer('zero'),
      asked('r1'),
      toolCall,
      toolResult,
      resumption,
      answer('one'),
      asked('r2'),
      answer('two'),
    ]);

    assert.equal(seen.kind, 'finished');
    assert.deepEqual(seen.kind === 'finished' && seen.outcome, {
      kind: 'answered',
      text: 'one',
      sessionKey: 'olympus:task:1',
      usage: {
        inputTokens: 20,
        outputTokens: 4,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        costMicros: 1_000_000,
        modelCalls: 2,
        model: 'm',
      },
    });
  });

  it('is its failure, with the class that the sentence tells', () => {
    const seen = trace([asked('r1'), failure]);

    assert.equal(
      seen.kind === 'finished' && seen.outcome.kind === 'failed' && seen.outcome.failure,
      'model_auth',
    );
  });

  it('is that it was interrupted when no answer follows, and how often it began', () => {
    const seen = trace([asked('r1'), toolCall, toolResult, asked('r1:2')], {}, { status: 'running' });

    assert.equal(seen.kind, 'interrupted');
    assert.deepEqual(seen.kind === 'interrupted' && [seen.attempts, seen.settling, seen.gatewayRunId], [
      2,
      'soon',
      'r1:2',
    ]);
  });

  it('is that it was interrupted when a crash found its message accepted and not begun', () => {
    const lost = { runId: 'r1', state: 'interrupted' };
    const begunAgain = { pendingInputs: { items: [lost] } };

    assert.deepEqual(trace([], { pendingInputs: { items: [lost] } }), {
      kind: 'interrupted',
      gatewayRunId: 'r1',
      attempts: 1,
      settling: 'no',
      usage: noUsage,
    });
    assert.equal(trace([asked('r1:2'), answer('two')], begunAgain).kind, 'finished');
    assert.equal(trace([], { pendingInputs: { items: [{ ...lost, state: 'cancelled' }] } }).kind, 'finished');
  });

  it('tells that the gateway is taking up another turn of the session', () => {
    const settling = (...args: Parameters<typeof trace>) => {
      const seen = trace(...args);
      return seen.kind === 'none' ? seen.settling : seen.kind;
    };
    const active = { hasActiveRun: true };
    const items = [{ runId: 'other', state: 'queued', message: { provenance: { kind: 'internal_system' } } }];

    assert.equal(settling([asked('r2')], {}, { status: 'running' }), 'soon');
    assert.equal(settling([asked('r2')], {}, { ...active, activeRunIds: ['other'] }), 'active');
    assert.equal(settling([asked('r2')], { pendingInputs: { items } }, active), 'active');
    assert.equal(settling([asked('r2'), resumption], {}, active), 'active');
    assert.equal(settling([asked('r2')], { inFlightRun: { runId: 'r2' } }, active), 'no');
    assert.equal(settling([asked('r2'), answer('two')], {}, { status: 'done' }), 'no');
  });

  it('is that it was cancelled when its session was killed', () => {
    const seen = trace([asked('r1')], {}, { status: 'killed' });

    assert.equal(
      seen.kind === 'finished' && seen.outcome.kind === 'failed' && seen.outcome.failure,
      'cancelled',
    );
  });

  it('takes no run for another whose id begins like it', () => {
    assert.equal(trace([asked('r12'), answer('twelve')]).kind, 'none');
  });
});

describe('the key of an attempt', () => {
  it('is the id of the run, with a number from the second on', () => {
    assert.deepEqual(
      [1, 2, 3].map((attempt) => attemptKey('r1', attempt)),
      ['r1', 'r1:2', 'r1:3'],
    );
  });
});

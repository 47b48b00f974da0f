import assert from 'node:assert/strict';
import { classify, outcomeOfReply } from '#integrations/openclaw/outcome.ts';
import { AgentReply } from '#integrations/openclaw/protocol.ts';

const nothingSeen = { modelCalls: 0 };

describe('the class of a failure', () => {
  // The sentences are those of OpenClaw 2026.9.6.
  const cases: [{ reason?: string; message: string }, string][] = [
    [{ reason: 'rate_limit', message: '' }, 'model_rate_limited'],
    [{ reason: 'server_error', message: '' }, 'model_overloaded'],
    [{ reason: 'timeout', message: '' }, 'model_overloaded'],
    [{ reason: 'auth', message: '' }, 'model_auth'],
    [{ reason: 'format', message: '' }, 'invalid_input'],
    [{ message: '⚠️ Rate limit reached for requests.; Retry-After: 1 seconds' }, 'model_rate_limited'],
    [
      { message: 'request failed (provider internal error, HTTP 500). This is usually temporary' },
      'model_overloaded',
    ],
    [{ message: 'LLM request timed out.' }, 'model_overloaded'],
    [
      { message: 'LLM request failed: provider rejected the request schema or tool payload.' },
      'invalid_input',
    ],
    [
      { message: 'Inline API key for provider "olympus" is temporarily disabled after a failure.' },
      'model_auth',
    ],
    [{ message: 'tool-loop recovery encountered another critical loop.' }, 'stuck_loop'],
    [{ message: "Agent couldn't generate a response." }, 'empty_output'],
    [{ message: 'a sentence nobody has heard before' }, 'internal'],
  ];
  for (const [complaint, expected] of cases) {
    it(`is ${expected} for ${complaint.reason ?? complaint.message}`, () => {
      assert.equal(classify(complaint), expected);
    });
  }
});

describe('the outcome of a reply', () => {
  const failureOf = (reply: object, seen: Parameters<typeof outcomeOfReply>[2] = nothingSeen) => {
    const outcome = outcomeOfReply(AgentReply.parse({ runId: 'r', ...reply }), 's', seen);
    return outcome.kind === 'failed' ? outcome.failure : outcome.kind;
  };
  const silence = { reason: 'timeout', message: 'Provider temporarily unavailable.' };

  it('tells apart the three things that end with status timeout', () => {
    const aborted = { status: 'timeout', summary: 'aborted' };

    assert.equal(failureOf({ ...aborted, stopReason: 'rpc' }), 'cancelled');
    assert.equal(failureOf(aborted), 'timeout_run');
    assert.equal(failureOf(aborted, { modelCalls: 1, complaint: silence }), 'model_overloaded');
  });

  it('is an answer only with text', () => {
    const ok = { status: 'ok', result: { payloads: [{ text: 'hi' }, { text: null }] } };

    assert.equal(failureOf(ok), 'answered');
    assert.equal(failureOf({ status: 'ok', result: { payloads: [{ text: '  ' }] } }), 'empty_output');
  });

  it('takes the class from what was seen when the reply does not say', () => {
    const complaint = { reason: 'rate_limit', message: '429' };

    assert.equal(
      failureOf({ status: 'error', summary: 'failed' }, { modelCalls: 3, complaint }),
      'model_rate_limited',
    );
  });

  it('keeps the use of a turn that failed', () => {
    const agentMeta = {
      model: 'm',
      assistantTurns: 23,
      costUsd: 0.088386,
      usage: { input: 87_858, output: 264, cacheRead: 1, cacheWrite: 2 },
    };
    const meta = { error: { kind: 'incomplete_turn', message: 'critical loop' }, agentMeta };

    const outcome = outcomeOfReply(
      AgentReply.parse({ runId: 'r', status: 'error', result: { payloads: [], meta } }),
      's',
      nothingSeen,
    );

    assert.deepEqual(outcome.usage, {
      inputTokens: 87_858,
      outputTokens: 264,
      cacheReadTokens: 1,
      cacheWriteTokens: 2,
      costMicros: 88_386,
      modelCalls: 23,
      model: 'm',
    });
  });
});

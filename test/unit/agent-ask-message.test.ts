import assert from 'node:assert/strict';
import type { AskRequest } from '#core/action-socket.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { hashOf, messageOf } from '../../src/agent/actions/ask-message.ts';

const COLLEAGUE: AskRequest = { ask: 'agent', task: 't-1', agent: 'perseus', text: 'Well?' };
const HEAD = { id: 'm-1', source: '/test', subject: 'task/t-1', time: '2026-11-28T12:00:00Z' };
const ASKS = { key: 'k', taskId: 't-1', runId: 'r-1', epoch: 2, expiresInMs: 1000 };

describe('what a turn asks another agent', () => {
  it('is bound to whom it asks and what, and to no more', async () => {
    const hash = await hashOf(COLLEAGUE);

    assert.equal(await hashOf({ ...COLLEAGUE, task: 't-2' }), hash);
    for (const other of [
      { ...COLLEAGUE, agent: 'hermes' },
      { ...COLLEAGUE, text: 'Well!' },
    ]) {
      assert.notEqual(await hashOf(other), hash);
    }
  });

  it('goes to control as a request of its own kind', () => {
    const { kind, message } = messageOf(HEAD, ASKS, COLLEAGUE);

    assert.equal(kind, 'delegation');
    assert.deepEqual(DelegationRequest.schema.parse(message).data, {
      ...ASKS,
      ...{ agent: 'perseus', text: 'Well?' },
    });
  });
});

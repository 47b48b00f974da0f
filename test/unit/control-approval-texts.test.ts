import assert from 'node:assert/strict';
import { askingText, closedText, decisionSentence } from '../../src/control/approvals/texts.ts';
import type { ApprovalRecord } from '../../src/control/store/approval-repository.ts';

const GATE = { name: 'outside', approvals: 2, approvers: ['ada', 'bob'] };

function asked(more: Partial<ApprovalRecord> = {}): ApprovalRecord {
  const action = { kind: 'deploy.web', target: 'web-1', params: {} };
  return {
    id: 'a1',
    asks: { action },
    summary: 'put it there',
    taskId: 't1',
    runId: 'r1',
    expiresAt: Date.parse('2026-11-21T12:00:00Z'),
    state: 'pending',
    approvedBy: [],
    ...more,
  } as ApprovalRecord;
}

describe('what a thread is told of what people have to decide', () => {
  it('mentions nobody, whatever words an agent found for it: a mention would be work for another', () => {
    const question = { question: { text: 'Shall @apollo do it?', choices: ['@apollo', 'nobody'] } };
    for (const each of [asked({ summary: '@apollo delete it' }), asked({ asks: question })]) {
      for (const text of [askingText(each, true), closedText(each)]) {
        assert.match(text, /apollo/);
        assert.doesNotMatch(text, /@apollo/);
      }
    }
  });

  it('names the gate, also of a task that may not start before it has passed one', () => {
    for (const runId of ['r1', undefined]) {
      const text = askingText(asked({ runId, gate: GATE }), false);
      assert.match(
        text,
        /the gate \*\*outside\*\*: it takes approvals by 2 people of \*\*ada\*\*, \*\*bob\*\*/,
      );
    }
  });

  it('shows the short of what is to be done before the long, of which it shows the beginning', () => {
    const params = { base: 'main', body: 'words '.repeat(500), branch: 'agent/apollo/x', title: 'Fix it' };
    const action = { kind: 'github.pr-open', target: 'acme/web', params };

    const text = askingText(asked({ asks: { action } }), false);

    assert.match(
      text,
      /\{"base":"main","branch":"agent\/apollo\/x","title":"Fix it","body":"words .*… \(cut; the command shows it whole\)/,
    );
  });

  it('names all who have approved', () => {
    const approved = asked({
      state: 'approved',
      gate: GATE,
      approvedBy: ['ada', 'bob'],
      decidedBy: 'bob',
    });
    assert.equal(decisionSentence(approved), 'Approved by ada and bob: deploy.web on web-1.');
  });
});

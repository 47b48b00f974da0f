import assert from 'node:assert/strict';
import type { AgentView } from '#core/api.ts';
import { isTerminal, type TaskState, taskStates } from '#core/task-states.ts';
import type { ApprovalRecord } from '../../src/control/store/approval-repository.ts';
import type { TaskRecord } from '../../src/control/store/records.ts';
import { type Surroundings, whyOf } from '../../src/control/tasks/why.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const ATHENA = { name: 'athena', phase: 'Ready', concurrency: 2 } as AgentView;

function taskIn(state: TaskState, more: Partial<TaskRecord> = {}): TaskRecord {
  return { id: 't-1', agent: 'athena', state, notBefore: NOW, reason: undefined, ...more } as TaskRecord;
}

function whyIn(state: TaskState, more: Partial<TaskRecord> = {}, around: Partial<Surroundings> = {}) {
  return whyOf(taskIn(state, more), {
    agent: ATHENA,
    inFlight: 0,
    after: [],
    wait: undefined,
    now: NOW,
    ...around,
  });
}

describe('why a task is where it is', () => {
  for (const state of taskStates) {
    it(`has a reason, an owner and a next step for ${state}`, () => {
      const { reason, owner, next } = whyIn(state);

      assert.match(reason, /\w/);
      assert.match(next, /\w/);
      if (!isTerminal(state)) assert.notEqual(owner, 'nobody', 'something is to happen');
    });
  }

  it('names what stands in the way of a task in the queue', () => {
    const later = { notBefore: NOW + 60_000, reason: 'model_overloaded: attempt 2 of 2 in 60 s' };

    assert.match(whyIn('queued', later).reason, /model_overloaded/);
    assert.match(whyIn('queued', later).next, /after 2026-11-21T12:01:00/);
    assert.match(whyIn('queued', {}, { inFlight: 2 }).reason, /2 of the 2 tasks/);
    assert.equal(whyIn('queued', {}, { agent: undefined }).owner, 'operator');
    assert.equal(whyIn('queued').owner, 'control');
  });

  it('tells the operator how to let a drained agent work again', () => {
    const drain = { state: 'drained', by: 'ada', why: 'new kernel', since: new Date(NOW).toISOString() };
    const agent = { ...ATHENA, drain } as AgentView;

    for (const state of ['queued', 'released'] as const) {
      const { owner, reason, next } = whyIn(state, {}, { agent });
      assert.deepEqual([owner, next], ['operator', 'olympus agent resume athena']);
      assert.match(reason, /drained by ada: new kernel/);
    }
  });

  it('names the tasks that a blocked one comes after and that have not ended', () => {
    const after = [taskIn('completed', { id: 't-2' }), taskIn('running', { id: 't-3' })];

    assert.equal(
      whyIn('blocked', {}, { after }).reason,
      'It comes after task t-3 of athena, which is running.',
    );
  });

  it('sends the operator to an agent that is silent', () => {
    const silent = { ...ATHENA, phase: 'Silent' } as AgentView;

    for (const state of ['released', 'claimed', 'running'] as const) {
      assert.equal(whyIn(state, {}, { agent: silent }).owner, 'operator');
      assert.equal(whyIn(state).owner, 'agent');
    }
  });

  it('names what a run has asked of other agents, unless people have to decide first', () => {
    const asked = [
      taskIn('running', { id: 't-2', agent: 'perseus' }),
      taskIn('queued', { id: 't-3', agent: 'hermes' }),
    ];

    for (const state of ['running', 'parked'] as const) {
      const { reason, owner, next } = whyIn(state, {}, { asked });
      assert.equal(
        reason,
        'athena waits for what it has asked: task t-2 of perseus, which is running; task t-3 of hermes, which is queued.',
      );
      assert.deepEqual([owner, next], ['agent', 'olympus task why t-2']);
    }
    const question = { id: 'a-1', runId: 'r-1', asks: { question: { text: 'Which?' } } } as ApprovalRecord;
    assert.equal(whyIn('parked', {}, { asked, pending: question }).owner, 'requester');
    assert.equal(whyIn('cancelling', {}, { asked }).reason, 'It was cancelled.');
  });

  it('names whose decision a task waits for, and the command that gives it', () => {
    const action = { kind: 'deploy.production', target: 'web-1', params: {} };
    const asked = { id: 'a-1', runId: 'r-1', summary: 'put it there', approvedBy: [] as string[] };
    const approval = { ...asked, asks: { action } } as ApprovalRecord;
    const question = { ...asked, asks: { question: { text: 'Which colour?' } } } as ApprovalRecord;

    for (const state of ['claimed', 'running', 'parked'] as const) {
      const decide = whyIn(state, {}, { pending: approval });
      assert.deepEqual([decide.owner, decide.next], ['approver', 'olympus approve a-1']);
      assert.match(decide.reason, /athena waits for a decision: put it there/);
      const answer = whyIn(state, {}, { pending: question });
      assert.deepEqual([answer.owner, answer.next], ['requester', 'olympus answer a-1 "…"']);
    }
    const start = whyIn('awaiting_approval', {}, { pending: { ...approval, runId: undefined } });
    assert.deepEqual([start.owner, start.next], ['approver', 'olympus approve a-1']);
    assert.match(start.reason, /may not start/);
    const gate = { name: 'production', approvals: 2 };
    const passing = whyIn('parked', {}, { pending: { ...approval, gate, approvedBy: ['ada'] } });
    assert.match(
      passing.reason,
      /put it there; it has to pass the gate production: 1 of 2 approvals \(ada\)$/,
    );
    assert.equal(whyIn('queued', {}, { pending: approval }).owner, 'control', 'it waits for something else');
    assert.equal(whyIn('parked').owner, 'control', 'what it asks is on its way');
  });

  it('repeats the remedy of a failure, and of a refusal', () => {
    assert.match(whyIn('failed', { reason: 'model_auth' }).next, /Replace the key/);
    assert.match(whyIn('rejected', { reason: 'unknown_agent' }).next, /olympus agent list/);
    assert.match(whyIn('rejected', { reason: 'empty_input' }).next, /Write what is to be done/);
  });
});

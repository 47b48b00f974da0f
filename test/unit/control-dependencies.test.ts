import assert from 'node:assert/strict';
import { failureCodeOf } from '#core/failures.ts';
import type { TaskState } from '#core/task-states.ts';
import { verdictOf } from '../../src/control/dependencies/verdict.ts';
import type { TaskRecord } from '../../src/control/store/records.ts';

const tasksIn = (...states: TaskState[]): TaskRecord[] =>
  states.map((state, index) => ({ id: `t-${index}`, state }) as TaskRecord);

describe('what becomes of a task that comes after others', () => {
  it('waits until the last of them has ended', () => {
    for (const whenItFails of ['fail', 'go-on'] as const) {
      assert.equal(verdictOf({ whenItFails }, tasksIn('completed', 'queued')).kind, 'wait');
      assert.equal(verdictOf({ whenItFails }, tasksIn('completed', 'cancelling')).kind, 'wait');
      assert.equal(verdictOf({ whenItFails }, tasksIn('completed', 'completed')).kind, 'queue');
    }
  });

  it('fails as soon as one ends otherwise, and names it; or goes on all the same', () => {
    for (const state of ['failed', 'cancelled', 'expired', 'rejected', 'dead_lettered'] as const) {
      const verdict = verdictOf({ whenItFails: 'fail' }, tasksIn('queued', state));
      assert.equal(verdict.kind === 'fail' && verdict.because.id, 't-1', state);
      assert.equal(verdictOf({ whenItFails: 'go-on' }, tasksIn('queued', state)).kind, 'wait');
      assert.equal(verdictOf({ whenItFails: 'go-on' }, tasksIn('completed', state)).kind, 'queue');
    }
  });
});

describe('the class in the reason of a failed task', () => {
  it('is what it begins with, or there is none', () => {
    assert.equal(failureCodeOf('model_auth'), 'model_auth');
    assert.equal(failureCodeOf('dependency_failed: task t-1 of athena is expired'), 'dependency_failed');
    assert.equal(failureCodeOf('cancelled by ada'), undefined);
    assert.equal(failureCodeOf(undefined), undefined);
  });
});

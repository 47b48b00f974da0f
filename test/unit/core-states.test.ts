import assert from 'node:assert/strict';
import {
  type ApprovalEvent,
  approvalStates,
  approvalTransitions,
  nextApprovalState,
} from '#core/approval-states.ts';
import { nextRunState, type RunEvent, type RunState, runStates, runTransitions } from '#core/run-states.ts';
import {
  inFlightStates,
  isTerminal,
  nextTaskState,
  publicState,
  type TaskEvent,
  type TaskState,
  taskStates,
  taskTransitions,
} from '#core/task-states.ts';

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

const TASK_EVENTS = eventsOf(taskTransitions) as TaskEvent[];
const APPROVAL_EVENTS = eventsOf(approvalTransitions) as ApprovalEvent[];
const RUN_EVENTS = eventsOf(runTransitions) as RunEvent[];

describe('the life of a task', () => {
  it('ends in its terminal states: only a person, or its late answer, takes a dead letter out again', () => {
    const waysOut = taskStates
      .filter(isTerminal)
      .flatMap((state) =>
        Object.entries(taskTransitions[state]).map(([event, next]) => [state, event, next]),
      );

    assert.deepEqual(waysOut, [
      ['dead_lettered', 'retry', 'queued'],
      ['dead_lettered', 'complete', 'completed'],
    ]);
  });

  it('can reach an end from every state', () => {
    for (const state of taskStates) {
      const ends = [...reachableFrom(taskTransitions, state)].filter((each) => isTerminal(each as TaskState));
      assert.notEqual(ends.length, 0, `${state} never ends`);
    }
  });

  it('can reach every state from the first', () => {
    assert.deepEqual([...reachableFrom(taskTransitions, 'requested')].toSorted(), taskStates.toSorted());
  });

  it('is told its next state by the table, and refuses every other event', () => {
    for (const state of taskStates) {
      for (const event of TASK_EVENTS) {
        const row: Readonly<Record<string, string>> = taskTransitions[state];
        assert.equal(nextTaskState(state, event), row[event], `${state} × ${event}`);
      }
    }
    assert.equal(nextTaskState('completed', 'retry'), undefined);
    assert.equal(nextTaskState('queued', 'complete'), undefined);
    assert.equal(nextTaskState('cancelled', 'start'), undefined);
  });

  it('takes a result that overtook the events before it', () => {
    for (const state of ['released', 'claimed', 'running'] as const) {
      assert.equal(nextTaskState(state, 'complete'), 'completed');
      assert.equal(nextTaskState(state, 'fail'), 'failed');
      assert.equal(nextTaskState(state, 'retry'), 'queued');
    }
  });

  it('can always be stopped by its deadline while it waits or is out with an agent', () => {
    const waiting: readonly TaskState[] = ['awaiting_approval', 'queued', 'blocked', 'parked'];
    for (const state of [...waiting, 'released', 'claimed', 'running', 'lost'] as const) {
      assert.equal(nextTaskState(state, 'expire'), 'expired', state);
    }
  });

  it('is in flight only between its release and its end', () => {
    for (const state of inFlightStates) assert.equal(isTerminal(state), false, state);
    assert.deepEqual([...inFlightStates], ['released', 'claimed', 'running', 'lost', 'cancelling']);
  });

  it('has one of five names for outsiders, and an end under two of them', () => {
    const ends = new Set(taskStates.filter(isTerminal).map(publicState));

    assert.deepEqual([...ends].toSorted(), ['Completed', 'Failed']);
    assert.deepEqual([...new Set(taskStates.map(publicState))].toSorted(), [
      'Claimed',
      'Completed',
      'Failed',
      'InProgress',
      'Requested',
    ]);
    assert.equal(publicState('completed'), 'Completed');
  });
});

describe('the life of a run', () => {
  it('ends published or discarded', () => {
    const ends = runStates.filter((state) => Object.keys(runTransitions[state]).length === 0);

    assert.deepEqual(ends, ['published', 'discarded']);
    for (const state of runStates) {
      const reachable = reachableFrom(runTransitions, state);
      assert.ok(
        ends.some((end) => reachable.has(end)),
        `${state} never ends`,
      );
    }
  });

  it('is told its next state by the table, and refuses every other event', () => {
    for (const state of runStates) {
      for (const event of RUN_EVENTS) {
        const row: Readonly<Record<string, string>> = runTransitions[state];
        assert.equal(nextRunState(state, event), row[event], `${state} × ${event}`);
      }
    }
  });

  it('is published only with its outcome written down, and never discarded after that', () => {
    const before = runStates.filter((state) => nextRunState(state, 'publish') === 'published');

    assert.deepEqual(before, ['finished', 'parked'] satisfies RunState[]);
    for (const state of before) assert.equal(nextRunState(state, 'discard'), undefined);
  });
});

describe('the life of an approval', () => {
  it('is one decision, or none in time: nothing is decided twice', () => {
    const ends = approvalStates.filter((state) => state !== 'pending');

    assert.deepEqual(ends, ['approved', 'denied', 'answered', 'expired', 'withdrawn']);
    for (const event of APPROVAL_EVENTS) {
      assert.notEqual(nextApprovalState('pending', event), undefined);
      for (const state of ends)
        assert.equal(nextApprovalState(state, event), undefined, `${state} × ${event}`);
    }
  });
});

function eventsOf(table: Table): string[] {
  return [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
}

function reachableFrom(table: Table, start: string): Set<string> {
  const seen = new Set([start]);
  for (const state of seen) {
    for (const next of Object.values(table[state] ?? {})) seen.add(next);
  }
  return seen;
}

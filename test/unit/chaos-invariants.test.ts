import assert from 'node:assert/strict';
import { type Evidence, violationsOf } from '#test/chaos/invariants.ts';
import type { RunRow } from '#test/chaos/ledger.ts';

const TASK = { id: 't1', dedupKey: 'k1', agent: 'hero-1', domain: 'work' };
const WHOLE = { kind: 'whole', records: 3, head: 'x' };

/** One plain task whose first run ended so and whose second completed, each with this many effects. */
function evidenceOf(earlier: Partial<RunRow>, effects: readonly number[] = [1, 1]): Evidence {
  const run = { taskId: 't1', agent: 'hero-1', state: 'completed', failure: undefined, buried: false };
  return {
    asked: [{ dedupKey: 'k1', work: 'plain' }],
    tasks: [{ ...TASK, state: 'completed', epoch: 2, answer: 'It stands for run r2.' }],
    runs: [
      { ...run, id: 'r1', epoch: 1, ...earlier },
      { ...run, id: 'r2', epoch: 2 },
    ],
    effects: new Map(effects.flatMap((count, index) => (count ? [[`r${index + 1}`, count] as const] : []))),
    played: 'charon',
    audit: WHOLE,
    toldTwice: [],
  };
}

describe('what chaos takes for a violation', () => {
  for (const [words, earlier] of [
    ['was still open', { state: 'running' }],
    ['was released and not heard of', { state: 'released' }],
    ['was discarded', { state: 'discarded' }],
    ['was parked', { state: 'parked' }],
    ['failed in a class that is not tried again', { state: 'failed', failure: 'invalid_input' }],
    ['failed in a class that nobody knows', { state: 'failed', failure: 'toString' }],
  ] as const) {
    it(`is a second effect of a task whose first run ${words}`, () => {
      const violations = violationsOf(evidenceOf(earlier));

      assert.equal(violations.length, 1, violations.join('; '));
      assert.match(violations[0] ?? '', /^task t1 \(k1\) had its effect in 2 runs, though run r1 /);
    });
  }

  it('is a second effect after a completed run, in both of its aspects', () => {
    const violations = violationsOf(evidenceOf({ state: 'completed' }));

    assert.ok(violations.some((each) => /had its effect in 2 runs/.test(each)));
    assert.ok(violations.some((each) => /has 2 completed runs/.test(each)));
  });

  it('is a second effect of one run', () => {
    const lost = { state: 'failed', failure: 'agent_lost' };

    assert.deepEqual(violationsOf(evidenceOf(lost, [1, 2])), ['run r2 had its effect 2 times']);
  });

  for (const [words, earlier] of [
    ['was lost', { state: 'failed', failure: 'agent_lost' }],
    ['failed in a class that is tried again', { state: 'failed', failure: 'model_overloaded' }],
    ['was given up', { state: 'running', buried: true }],
  ] as const) {
    it(`is not an effect of the run after one that ${words}`, () => {
      assert.deepEqual(violationsOf(evidenceOf(earlier)), []);
    });
  }

  it('is not a run before that had no effect', () => {
    assert.deepEqual(violationsOf(evidenceOf({ state: 'discarded' }, [0, 1])), []);
  });
});

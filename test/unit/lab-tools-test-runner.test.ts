import assert from 'node:assert/strict';
import { closingLine, deal, judge, report, total } from '../../scripts/run-tests/outcome.ts';

const ENDED_WELL = { exitCode: 0, signal: null };

describe('the test runner', () => {
  it('counts what a suite reports', () => {
    const counts = judge(ENDED_WELL, { passed: 7, failed: 0, skipped: 2, failures: [] });

    assert.deepEqual(counts, { passed: 7, failed: 0, skipped: 2, failures: [], remarks: [] });
  });

  it('counts failed tests once', () => {
    const failures = ['a: x', 'b: y', 'c: z'];
    const counts = judge({ exitCode: 3, signal: null }, { passed: 7, failed: 3, skipped: 0, failures });

    assert.equal(counts.failed, 3);
  });

  it('repeats at the end which tests failed, and why', () => {
    const counts = judge(
      { exitCode: 1, signal: null },
      { passed: 7, failed: 1, skipped: 0, failures: ['the bus answers: no answer in 2 s'] },
    );

    assert.match(
      report([{ name: 'unit', seconds: 1, ...counts }]),
      /unit +the bus answers: no answer in 2 s/,
    );
  });

  const FAILURES = {
    'a suite that crashed before its end': judge({ exitCode: 1, signal: null }, undefined),
    'a suite that was killed': judge({ exitCode: null, signal: 'SIGKILL' }, undefined),
    'a suite that ended well without a result': judge(ENDED_WELL, undefined),
    'a suite that ran over its limit': judge(
      { exitCode: null, signal: 'SIGKILL', limitMs: 300_000 },
      { passed: 5, failed: 0, skipped: 0, failures: [] },
    ),
    'a suite that ran no test': judge(ENDED_WELL, { passed: 0, failed: 0, skipped: 4, failures: [] }),
    'a suite that left something open': judge(ENDED_WELL, {
      passed: 5,
      failed: 0,
      skipped: 0,
      failures: [],
      stillOpen: ['TCPSocketWrap'],
    }),
    'a suite whose process failed though its tests passed': judge(
      { exitCode: 7, signal: null },
      { passed: 5, failed: 0, skipped: 0, failures: [] },
    ),
    'a run of no suite': total([]),
  };
  for (const [what, counts] of Object.entries(FAILURES)) {
    it(`counts ${what} as one failure, with a remark`, () => {
      assert.equal(counts.failed, 1);
      assert.equal(counts.remarks.length, 1);
    });
  }

  it('deals files out to processes, each file once and to each process some', () => {
    assert.deepEqual(deal(['t/a', 't/b', 't/c', 't/d', 't/e'], 't', 2), [
      ['t/a', 't/c', 't/e'],
      ['t/b', 't/d'],
    ]);
    assert.deepEqual(deal(['t/a', 't/b'], 't', 3), [['t/a'], ['t/b']]);
    assert.deepEqual(deal([], 't', 2), [[]]);
  });

  it('keeps the files of a folder together, and begins with them', () => {
    const files = ['t/a', 't/b', 't/c', 't/one/x', 't/one/y', 't/two/z'];

    assert.deepEqual(deal(files, 't', 4), [['t/one/x', 't/one/y'], ['t/two/z'], ['t/a', 't/c'], ['t/b']]);
    assert.deepEqual(deal(files, 't', 1).flat().toSorted(), files);
    assert.deepEqual(deal(['t/one/x'], 't', 2), [['t/one/x']]);
  });

  it('ends with one line over all suites, and no line like it before', () => {
    const outcomes = [
      { name: 'unit', seconds: 1, ...judge(ENDED_WELL, { passed: 7, failed: 0, skipped: 2, failures: [] }) },
      { name: 'crash', seconds: 2, ...judge({ exitCode: 1, signal: null }, undefined) },
    ];

    assert.equal(closingLine(total(outcomes)), '7 passed, 1 failed, 2 skipped');
    assert.equal(closingLine({ passed: 7, failed: 0, skipped: 0 }), '7 passed, 0 failed');
    assert.doesNotMatch(report(outcomes), /passed, \d+ failed/);
  });
});

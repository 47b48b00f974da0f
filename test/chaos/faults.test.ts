import assert from 'node:assert/strict';
import path from 'node:path';
import { runChaos } from '#test/chaos/chaos.ts';
import { allFaultKinds } from '#test/chaos/plan.ts';

describe('a fleet of three agents under every fault there is', () => {
  it('loses nothing, does nothing twice, and brings each task to one end', async () => {
    const report = await runChaos({
      seed: 4,
      tasks: 150,
      agents: 3,
      kinds: allFaultKinds,
      limitMs: 30_000,
      root: path.resolve(import.meta.dirname, '../..'),
    });

    assert.deepEqual(report.violations, [], `state and logs: ${report.kept}`);
    assert.equal(report.tasks, 150);
    for (const kind of allFaultKinds) {
      assert.ok(report.faults[kind] || report.leftOut[kind], `${kind} neither happened nor was left out`);
    }
  });
});

import assert from 'node:assert/strict';
import path from 'node:path';
import { runChaos } from '#test/chaos/chaos.ts';
import { allFaultKinds, planOf } from '#test/chaos/plan.ts';

const SEED = 4;
const AGENTS = 3;

describe('a fleet of three agents under every fault there is', () => {
  it('loses nothing, does nothing twice, and brings each task to one end', async () => {
    const report = await runChaos({
      seed: SEED,
      tasks: 150,
      agents: AGENTS,
      kinds: allFaultKinds,
      limitMs: 30_000,
      strict: true,
      root: path.resolve(import.meta.dirname, '../..'),
    });

    assert.deepEqual(report.violations, [], `state and logs: ${report.kept}\nagain: ${report.replay}`);
    assert.equal(report.tasks, 150);
    for (const kind of allFaultKinds) assert.ok(report.faults[kind], `${kind} has not happened`);
    const plan = planOf(SEED, { kinds: allFaultKinds, agents: AGENTS });
    const planned = report.inflicted.map(() => plan.next().value);
    assert.deepEqual(report.inflicted, planned, 'the same seed gives the same faults');
  });
});

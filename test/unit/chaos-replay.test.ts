import assert from 'node:assert/strict';
import { allFaultKinds } from '#test/chaos/plan.ts';
import { type Replayed, replayCommand } from '#test/chaos/replay.ts';

const CHOSEN: Replayed = { seed: 7, tasks: 80, agents: 3, kinds: allFaultKinds, limitMs: 30_000 };

describe('the command that does a run of chaos again', () => {
  it('says all that it follows from', () => {
    assert.equal(replayCommand(CHOSEN), 'npm run chaos -- --tasks 80 --seed 7 --agents 3 --minutes 0.5');
  });

  it('says which faults, where they are not all, and how they are taken', () => {
    const kinds = ['kill-nats', 'kill-nats'] as const;

    const command = replayCommand({ ...CHOSEN, kinds, holdMs: 1500, strict: true });

    assert.match(command, /--minutes 0\.5 --only kill-nats --only kill-nats --strict --hold 1\.5$/);
  });

  it('says which mutation, which brings all else with it', () => {
    assert.equal(
      replayCommand({ ...CHOSEN, mutation: 'no-journal' }),
      'npm run chaos -- --mutation no-journal',
    );
  });
});

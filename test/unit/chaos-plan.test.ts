import assert from 'node:assert/strict';
import path from 'node:path';
import { mutatedCopy, mutationNames } from '#test/chaos/mutations.ts';
import { allFaultKinds, type Fault, planOf } from '#test/chaos/plan.ts';
import { tempDir } from '#test/temp-dir.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

function first(count: number, seed: number): Fault[] {
  const plan = planOf(seed, { kinds: allFaultKinds, agents: 3 });
  return Array.from({ length: count }, () => plan.next().value);
}

describe('the plan of chaos', () => {
  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(first(100, 7), first(100, 7));
    assert.notDeepEqual(first(100, 7), first(100, 8));
  });

  it('has every kind of fault in each round, in another order', () => {
    const kinds = first(2 * allFaultKinds.length, 7).map(({ kind }) => kind);
    const rounds = [kinds.slice(0, allFaultKinds.length), kinds.slice(allFaultKinds.length)];

    for (const round of rounds) assert.deepEqual(round.toSorted(), allFaultKinds.toSorted());
    assert.notDeepEqual(rounds[0], rounds[1]);
  });
});

describe('the mutations of chaos', () => {
  for (const name of mutationNames) {
    it(`fit the code: ${name}`, async () => {
      await using copy = await tempDir('mutation');
      await mutatedCopy(ROOT, copy.path, name);
    });
  }
});

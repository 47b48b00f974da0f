import assert from 'node:assert/strict';
import type { Machine } from '#provision/inventory/inventory.ts';
import { machineFiles } from '#provision/machine/machine-spec.ts';
import { ProvisionBench } from '#test/provision/bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

/** How many pairs of what is there and what is wanted; 10,000 take some minutes. */
const PAIRS = Number(process.env['OLYMPUS_PAIRS'] ?? 400);
const FILES = machineFiles('athena');
type Random = (below: number) => number;

/** What may have become of a machine behind our back. */
const ACCIDENTS: readonly ((bench: ProvisionBench) => unknown)[] = [
  () => undefined,
  ({ r420 }) => r420.powerOff('athena'),
  ({ r420 }) => {
    const domain = r420.domains.get('athena');
    if (domain?.live) domain.paused = true;
  },
  ({ r420 }) => r420.setAutostart('athena', false),
  ({ r420 }) => r420.undefine('athena'),
  ({ r420 }) => r420.files.delete(FILES.root),
  ({ r420 }) => r420.files.delete(FILES.data),
  ({ r420 }) => {
    for (const file of Object.values(FILES)) r420.files.delete(file);
  },
  ({ r420 }) => r420.files.delete(FILES.seed),
  ({ r420 }) => r420.files.delete(FILES.ready),
  ({ r420 }) => r420.edit('athena', 'defined', (xml) => xml.replaceAll(/'MiB'>\d+</g, "'MiB'>1024<")),
  ({ r420 }) => r420.edit('athena', 'live', (xml) => xml.replace(/<vcpu>\d+</, '<vcpu>7<')),
  ({ r420 }) => r420.edit('athena', 'defined', (xml) => xml.replace(/<olympus:machine.*/, '')),
];

describe('a plan', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir('property');
  });
  after(() => dir[Symbol.asyncDispose]());

  it(`is what apply then does, and nothing is left to do, for ${PAIRS} pairs of wanted and current`, async () => {
    let refusals = 0;
    for (let seed = 1; seed <= PAIRS; seed += 1) {
      const random = randomOf(seed);
      const bench = new ProvisionBench(dir.path);
      if (random(5) > 0) {
        bench.change(randomSize(random, 1));
        await bench.apply();
        for (let count = random(3); count >= 0; count -= 1) {
          if (bench.r420.domains.has('athena')) await ACCIDENTS[random(ACCIDENTS.length)]?.(bench);
        }
      }
      bench.change(randomSize(random, 2));
      const options = {
        replace: random(4) === 0 ? ['athena'] : [],
        image: random(3) === 0 ? 'other.qcow2' : 'base.qcow2',
      };
      const before = bench.r420.calls.length;
      const [planned] = await bench.apply({ ...options, dryRun: true });
      assert.equal(bench.r420.calls.length, before, `seed ${seed}: a plan touches nothing`);

      const [applied] = await bench.apply(options);
      assert.deepEqual(applied, planned, `seed ${seed}`);
      if (applied?.failure) {
        refusals += 1;
        assert.equal(bench.r420.calls.length, before, `seed ${seed}: what is refused is not touched`);
        continue;
      }
      const [left] = await bench.apply({ image: options.image, dryRun: true });
      assert.deepEqual([left?.steps, left?.failure], [[], undefined], `seed ${seed}`);
      assert.equal((await bench.r420.domain('athena'))?.state, 'running');
    }
    assert.ok(refusals > 0 && refusals < PAIRS / 2, `${refusals} of ${PAIRS} were refused`);
  }).timeout(PAIRS * 200);
});

/** Sizes that grow with `from`, mostly: a disk may be wanted smaller than it is. */
function randomSize(random: Random, from: number): Partial<Machine> {
  return {
    vcpus: 1 + random(2),
    memoryMib: 1024 * (1 + random(3)),
    diskGib: 10 * from + random(12),
    dataGib: 2 * from + random(3),
    address: `10.220.1.${50 + random(2) * 10}`,
  };
}

/** Numbers below a limit, the same for the same seed (a linear congruential generator). */
function randomOf(seed: number): Random {
  let state = seed * 7919;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

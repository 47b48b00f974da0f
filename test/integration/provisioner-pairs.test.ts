import assert from 'node:assert/strict';
import { applyFleet } from '#provision/apply/apply.ts';
import { destroyMachines } from '#provision/apply/destroy.ts';
import type { Fleet } from '#provision/apply/fleet.ts';
import type { Outcome } from '#provision/apply/outcome.ts';
import type { Machine } from '#provision/inventory/inventory.ts';
import { machineFiles } from '#provision/machine/machine-spec.ts';
import { Random } from '#test/chaos/random.ts';
import { hurriedClock } from '#test/hurried-clock.ts';
import { BareFleet } from '#test/provision/bare-fleet.ts';

/** How many pairs of what is there and what is wanted; each takes some seconds. The unit tests have many more on a fake. */
const PAIRS = Number(process.env['OLYMPUS_REAL_PAIRS'] ?? 3);
const FILES = machineFiles('m1');

/** What may have become of a machine behind our back. */
const ACCIDENTS = [
  'true',
  'virsh destroy m1',
  'virsh suspend m1',
  'virsh autostart --disable m1',
  'virsh destroy m1 && virsh undefine m1',
  'virsh undefine m1',
  `virsh destroy m1 && rm ${FILES.root}`,
  `virsh destroy m1 && rm ${FILES.data}`,
  `rm -r ${FILES.folder}`,
  `virsh destroy m1 && rm -r ${FILES.folder}`,
  `rm ${FILES.seed}`,
  `rm ${FILES.ready}`,
  'virsh setmaxmem m1 48M --config && virsh setmem m1 48M --config',
  'virsh setmem m1 40M --live',
  "virsh dumpxml --inactive m1 | sed '/olympus:machine/d' >/root/edited.xml && virsh define /root/edited.xml",
] as const;

describe('a plan, on a real hypervisor', function () {
  this.timeout(60_000 + PAIRS * 60_000);
  let bare: BareFleet;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bare = await BareFleet.start(1);
  });
  after(() => bare?.[Symbol.asyncDispose]());

  it(`is what apply then does, and nothing is left to do, for ${PAIRS} pairs of wanted and current`, async () => {
    const [host] = bare.hosts;
    assert.ok(host);
    for (let seed = 1; seed <= PAIRS; seed += 1) {
      const random = new Random(seed);
      await destroyMachines(await fleetOf(bare, {}), { machines: ['m1'], purge: true });
      const done = [];
      if (random.whole(0, 5) > 0) {
        await one(await fleetOf(bare, randomSize(random, 1)), false);
        const accident = random.pick(ACCIDENTS);
        done.push(accident);
        await bare.on(host, accident); // Rejects when it did not happen.
      }
      const wanted = randomSize(random, 2);
      const fleet = await fleetOf(bare, wanted);
      const told = `pair ${seed}: ${done.join()} → ${JSON.stringify(wanted)}`;

      const asked = await one(fleet, true);
      // A data disk that is gone is for a person to decide about; this one begins anew.
      const replace = asked.failure?.message.includes('The data disk of m1 is gone') ? ['m1'] : [];
      const planned = replace.length > 0 ? await one(fleet, true, replace) : asked;
      const applied = await one(fleet, false, replace);
      assert.deepEqual(applied, planned, told);
      if (applied.failure) {
        // Somebody else's domain is in the way: a person has to take it away.
        assert.match(applied.failure.message, /that Olympus did not make|cannot shrink/, told);
        await bare.on(host, 'virsh destroy m1 >/dev/null 2>&1; virsh undefine m1');
        continue;
      }
      const left = await one(fleet, true);
      assert.deepEqual([left.steps, left.failure], [[], undefined], told);
      assert.equal(await bare.on(host, 'virsh domstate m1'), 'running', told);
    }
  });
});

async function fleetOf(bare: BareFleet, change: Partial<Machine>): Promise<Fleet> {
  const machines = bare.machines(1, 1).map((each) => ({ ...each, ...change }));
  return { ...(await bare.fleet(machines)), clock: hurriedClock() };
}

async function one(fleet: Fleet, dryRun: boolean, replace: readonly string[] = []): Promise<Outcome> {
  const [outcome] = await applyFleet(fleet, { machines: [], replace, dryRun });
  assert.ok(outcome);
  return outcome;
}

/** Sizes that grow with `from`, mostly: a disk may be wanted smaller than it is. */
function randomSize(random: Random, from: number): Partial<Machine> {
  return {
    vcpus: random.whole(1, 3),
    memoryMib: random.pick([64, 96, 128]),
    diskGib: from + random.whole(0, 3),
    dataGib: from + random.whole(0, 2),
    address: `10.220.1.${100 + random.whole(0, 2)}`,
  };
}

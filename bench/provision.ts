import { parseArgs } from 'node:util';
import { applyFleet } from '#provision/apply/apply.ts';
import { destroyMachines } from '#provision/apply/destroy.ts';
import { connectHypervisor, type Fleet } from '#provision/apply/fleet.ts';
import { wantedMachine } from '#provision/apply/machine-context.ts';
import { seedImage } from '#provision/cloud-init/seed.ts';
import { definitionOf, imagePath, machineFiles } from '#provision/machine/machine-spec.ts';
import { planMachine } from '#provision/machine/plan.ts';
import type { MachinePlan } from '#provision/machine/step.ts';
import { BareFleet, bareInventory } from '#test/provision/bare-fleet.ts';
import { round } from './statistics.ts';

const HELP = `Usage: npm run bench:provision [-- --json] [-- --machines 1,5,20]

How long machines take from nothing to running beside the floor, which is to define and start as many by libvirt, at once,
whose disks and seeds are there already; how long apply takes where everything is as it should be (8 machines on 4
hypervisors); and a plan of 100 machines on 10 hypervisors without asking any. On simulated hypervisors with real libvirt and
QEMU, whose machines have nothing to start. It needs root.

  --machines <list>  how many at once, on one hypervisor (default: 1,5,20)
  --json             print one JSON value`;

const never = new AbortController().signal;
const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '1,5,20' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else await main(values.machines.split(',').map(Number));

async function main(counts: readonly number[]): Promise<void> {
  if (counts.some((count) => !Number.isInteger(count) || count < 1))
    throw new Error('--machines needs numbers, such as 1,5,20');
  await using bare = await BareFleet.start(4);
  const made = [];
  for (const count of counts) made.push(await create(bare, count));
  const converged = await applyAgain(bare);
  const planned = planMany(bare);
  if (values.json) console.log(JSON.stringify({ made, converged, planned }, undefined, 2));
  else {
    console.table(made);
    console.table([converged]);
    console.table([planned]);
  }
}

/** Seconds from nothing to running, of so many on one hypervisor, beside the floor, by turns. */
async function create(bare: BareFleet, count: number) {
  const fleet = await bare.fleet(bare.machines(count, 1));
  const cpuBefore = process.cpuUsage();
  const ours = await timed(() => applied(fleet));
  const cpu = process.cpuUsage(cpuBefore);
  await purge(fleet);
  const floor = await floorOf(bare, fleet);
  const client = (cpu.user + cpu.system) / 1000 / count;
  return {
    machines: count,
    'apply, s': round(ours / 1000),
    'floor, s': round(floor / 1000),
    'apply ÷ floor': round(ours / floor),
    'client CPU, ms a machine': Math.round(client),
  };
}

/** Defines and starts them all at once; disks and seeds are made before. */
async function floorOf(bare: BareFleet, fleet: Fleet): Promise<number> {
  const [host] = bare.hosts;
  if (!host) throw new Error('there is no hypervisor');
  await using opened = await connectHypervisor(host, fleet.ssh, never);
  const { hypervisor } = opened;
  const specs = fleet.inventory.machines.map((machine) => {
    const { spec, seed } = wantedMachine(fleet.inventory, machine, { ...fleet, host });
    return { spec: { ...spec, domainType: 'qemu' as const }, seed };
  });
  for (const { spec, seed } of specs) {
    const { root, data, seed: file } = machineFiles(spec.name);
    await hypervisor.createOverlay(root, imagePath(spec.image.file), spec.diskGib, never);
    await hypervisor.createDataDisk(data, 'data', spec.dataGib, never);
    await hypervisor.writeFile(file, seedImage(seed(false)), never);
  }
  const spent = await timed(() =>
    Promise.all(
      specs.map(async ({ spec }) => {
        await hypervisor.define(definitionOf(spec).xml, never);
        await hypervisor.start(spec.name, never);
      }),
    ),
  );
  await purge(fleet);
  return spent;
}

/** Milliseconds that apply takes where nothing is to be done, and how many steps that were. */
async function applyAgain(bare: BareFleet) {
  const fleet = await bare.fleet(bare.machines(8, 4));
  await applied(fleet);
  const spent: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    spent.push(
      await timed(async () => {
        const steps = (await applied(fleet)).flatMap(({ steps: each }) => each);
        if (steps.length > 0) throw new Error(`there was something to do: ${JSON.stringify(steps)}`);
      }),
    );
  }
  await purge(fleet);
  return { 'apply again, 8 machines on 4 hypervisors, ms': Math.round(Math.min(...spent)), writes: 0 };
}

/** Milliseconds for the plan of machines that are all to be made. */
function planMany(bare: BareFleet) {
  const machines = bare.machines(100, 4);
  const inventory = bareInventory(bare.hosts, machines);
  const wanted = machines.map((machine) => ({
    fleet: inventory.fleet,
    ...machine,
    attach: { bridge: 'br0' },
    domainType: 'auto' as const,
    diskCache: 'writeback',
    image: { file: 'base.qcow2' },
    instanceId: `${machine.name}-1`,
  }));
  const nothing = { domain: undefined, root: undefined, data: undefined, hasSeed: false, ready: undefined };
  const startedAt = performance.now();
  const plans = wanted.map((spec) =>
    planMachine(spec, nothing, { hypervisor: 'h1', hasKvm: false, replace: false }),
  );
  const spent = performance.now() - startedAt;
  const steps = plans.flatMap((plan) => (plan as MachinePlan).steps);
  return { 'plan of 100 machines, ms': round(spent), steps: steps.length };
}

async function applied(fleet: Fleet) {
  const outcomes = await applyFleet(fleet, { machines: [], replace: [], dryRun: false });
  const failed = outcomes.find(({ failure }) => failure);
  if (failed) throw new Error(failed.failure?.message);
  return outcomes;
}

async function purge(fleet: Fleet): Promise<void> {
  await destroyMachines(fleet, { machines: fleet.inventory.machines.map(({ name }) => name), purge: true });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

import type { Hypervisor, Snapshot } from '#integrations/libvirt/hypervisor.ts';
import { type Fleet, pickMachines } from '../apply/fleet.ts';
import { HypervisorPool } from '../apply/hypervisor-pool.ts';
import { notOurs } from '../apply/ours.ts';
import { type Failure, failureOf } from '../apply/outcome.ts';
import { withLimit } from '../apply/with-limit.ts';
import { machineFiles } from '../machine/machine-spec.ts';

type SnapshotFleet = Pick<Fleet, 'inventory' | 'connect' | 'clock' | 'signal' | 'onProgress'>;

/** What was done to one machine. */
export interface SnapshotOutcome {
  readonly machine: string;
  readonly host: string;
  readonly failure?: Failure;
}

/** The snapshots of one machine, the oldest first. */
export interface MachineSnapshots extends SnapshotOutcome {
  readonly snapshots: readonly Snapshot[];
}

export interface SnapshotOptions {
  /** All machines when empty. */
  readonly machines: readonly string[];
  readonly name: string;
}

/** What may be done with a snapshot by its name, and how it is said while it goes on. */
const ACTIONS = {
  create: {
    doing: 'making a snapshot',
    run: ({ hypervisor, machine, name, signal }: Action) => hypervisor.createSnapshot(machine, name, signal),
  },
  revert: {
    doing: 'going back to a snapshot',
    run: async ({ hypervisor, machine, name, signal }: Action) => {
      // What the machine has come up with since is no longer so: its next start needs a seed with the host key.
      await hypervisor.remove(machineFiles(machine).ready, signal);
      await hypervisor.revertTo(machine, name, signal);
    },
  },
  delete: {
    doing: 'deleting a snapshot',
    run: ({ hypervisor, machine, name, signal }: Action) => hypervisor.deleteSnapshot(machine, name, signal),
  },
} as const;

interface Action {
  readonly hypervisor: Hypervisor;
  readonly machine: string;
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Each writes gigabytes, or reads them. */
const AT_ONCE = 2;

/**
 * Makes a snapshot of machines under one name, takes them back to it, or deletes it: each machine at its own moment, and
 * one that fails does not keep the others from it. Nothing is taken back unless every machine has the snapshot. What is not
 * ours is refused.
 */
export async function withSnapshot(
  action: keyof typeof ACTIONS,
  fleet: SnapshotFleet,
  { machines, name }: SnapshotOptions,
): Promise<SnapshotOutcome[]> {
  const { doing, run } = ACTIONS[action];
  const picked = pickMachines(fleet.inventory, machines);
  await using pool = new HypervisorPool(fleet.connect);
  await pool.reserve(
    picked.map(({ host }) => host),
    fleet,
  );
  if (action === 'revert') {
    const missing = withoutSnapshot(await listIn(pool, fleet, picked), name);
    if (missing.length > 0) return missing;
  }
  const done = await onEach(pool, fleet, { picked, doing }, async (hypervisor, machine) => {
    fleet.onProgress({ machine, text: `${doing}: ${name}` });
    await run({ hypervisor, machine, name, signal: fleet.signal });
  });
  return done.map(({ outcome }) => outcome);
}

/** The machines that cannot be taken back to a snapshot, each with why. */
function withoutSnapshot(listed: readonly MachineSnapshots[], name: string): SnapshotOutcome[] {
  return listed.flatMap(({ snapshots, ...outcome }) => {
    if (outcome.failure) return [outcome];
    if (snapshots.some((snapshot) => snapshot.name === name)) return [];
    const message = `${outcome.machine} on ${outcome.host} has no snapshot ${name}; no machine was taken back.`;
    const names = snapshots.map((snapshot) => snapshot.name).join(', ');
    const remedy = names ? `It has ${names}.` : 'It has none at all.';
    return [{ ...outcome, failure: { message, remedy, console: [] } }];
  });
}

/** The snapshots of machines. */
export async function listSnapshots(
  fleet: SnapshotFleet,
  machines: readonly string[],
): Promise<MachineSnapshots[]> {
  await using pool = new HypervisorPool(fleet.connect);
  // Awaited here: the connections are closed when this function is left.
  return await listIn(pool, fleet, pickMachines(fleet.inventory, machines));
}

type Picked = ReturnType<typeof pickMachines>;

async function listIn(
  pool: HypervisorPool,
  fleet: SnapshotFleet,
  picked: Picked,
): Promise<MachineSnapshots[]> {
  const options = { picked, doing: 'listing its snapshots' };
  const listed = await onEach(pool, fleet, options, (hypervisor, machine) =>
    hypervisor.snapshots(machine, fleet.signal),
  );
  return listed.map(({ outcome, result = [] }) => ({ ...outcome, snapshots: result }));
}

function onEach<T>(
  pool: HypervisorPool,
  { inventory, signal }: SnapshotFleet,
  { picked, doing }: { readonly picked: Picked; readonly doing: string },
  work: (hypervisor: Hypervisor, machine: string) => Promise<T>,
): Promise<{ readonly outcome: SnapshotOutcome; readonly result?: T }[]> {
  const limit = withLimit(AT_ONCE);
  const all = picked.map(async ({ machine: { name }, host }) => {
    const outcome = { machine: name, host: host.name };
    try {
      const hypervisor = await pool.get(host);
      const domain = await hypervisor.domain(name, signal);
      const failure = domain && notOurs(name, domain, { host: host.name, fleet: inventory.fleet });
      if (failure) return { outcome: { ...outcome, failure } };
      return { outcome, result: await limit(host.name, () => work(hypervisor, name)) };
    } catch (error) {
      signal.throwIfAborted();
      return { outcome: { ...outcome, failure: failureOf(name, doing, error) } };
    }
  });
  return Promise.all(all);
}

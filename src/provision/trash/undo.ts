import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { Fleet } from '../apply/fleet.ts';
import { HypervisorPool } from '../apply/hypervisor-pool.ts';
import { notOurs } from '../apply/ours.ts';
import { type Failure, failureOf } from '../apply/outcome.ts';
import type { HypervisorHost } from '../inventory/inventory.ts';
import { definitionOf, machineFiles } from '../machine/machine-spec.ts';
import { disksIn, listTrash, readDestroyed, sweepTrash } from './trash.ts';
import { type Destroyed, destroyedFile, TRASH_MS, type TrashEntry } from './trash-entry.ts';

type TrashFleet = Pick<Fleet, 'inventory' | 'connect' | 'clock' | 'signal' | 'onProgress'>;

/** Something that can be brought back, and where it is. */
export interface Kept extends TrashEntry {
  readonly host: string;
}

/** What became of one machine that was to be brought back. */
export interface Undone {
  readonly machine: string;
  /** Where it is; undefined when it was found nowhere. */
  readonly host?: string;
  /** `running`, if it was started; `off`, as it was; `disks` where what it was defined from is not known. */
  readonly as?: 'running' | 'off' | 'disks';
  readonly failure?: Failure;
}

/** What this fleet has in the trash of every hypervisor, the latest first, and which of them could not be asked. */
export async function keptMachines(
  fleet: TrashFleet,
): Promise<{ readonly kept: readonly Kept[]; readonly failures: readonly Failure[] }> {
  await using pool = new HypervisorPool(fleet.connect);
  const { inventory, clock, signal } = fleet;
  const failures: Failure[] = [];
  const found = await Promise.all(
    inventory.hypervisors.map(async (host) => {
      try {
        const hypervisor = await pool.get(host);
        await sweepTrash(hypervisor, { fleet: inventory.fleet, now: clock.now() }, signal);
        const entries = await listTrash(hypervisor, { fleet: inventory.fleet }, signal);
        return entries.map(({ destroyed: _, ...entry }) => ({ ...entry, host: host.name }));
      } catch (error) {
        signal.throwIfAborted();
        failures.push(failureOf(host.name, 'looking into its trash', error));
        return [];
      }
    }),
  );
  return { kept: found.flat().toSorted((a, b) => b.destroyedAt - a.destroyedAt), failures };
}

/**
 * Brings machines back as they were when they were destroyed last: their disks, their domain, and running if they ran.
 * Who is killed in the middle calls it again. A machine that is there is never touched.
 */
export async function undoDestroy(fleet: TrashFleet, machines: readonly string[]): Promise<Undone[]> {
  await using pool = new HypervisorPool(fleet.connect);
  await pool.reserve(fleet.inventory.hypervisors, fleet);
  const work = [...new Set(machines)].map(async (machine): Promise<Undone> => {
    try {
      return await bringBack(fleet, pool, machine);
    } catch (error) {
      fleet.signal.throwIfAborted();
      return { machine, failure: failureOf(machine, 'bringing it back', error) };
    }
  });
  // Awaited here: the connections are closed when this function is left.
  return await Promise.all(work);
}

/** What one hypervisor has of a machine. */
interface Found {
  readonly host: HypervisorHost;
  readonly hypervisor: Hypervisor;
  /** In its place, or in the trash. */
  readonly folder: string;
  readonly destroyedAt: number;
  readonly destroyed: Destroyed | undefined;
  /** `there`: a machine that is left alone. `half`: somebody was killed while destroying it, or bringing it back. */
  readonly is: 'there' | 'half' | 'kept';
}

async function bringBack(fleet: TrashFleet, pool: HypervisorPool, machine: string): Promise<Undone> {
  const { inventory, signal } = fleet;
  // All of them have to be asked: the same address must not exist twice.
  const asked = await Promise.all(
    inventory.hypervisors.map(async (host) => lookFor(fleet, await pool.get(host), host, machine)),
  );
  const found = asked.flatMap((each) => each ?? []);
  const there = found.find(({ is }) => is === 'there');
  if (there) {
    const message = `${machine} is on ${there.host.name}, and is left as it is.`;
    return refused(machine, message, 'Destroy it there first, if the one in the trash is wanted.');
  }
  const latest =
    found.find(({ is }) => is === 'half') ??
    found.toSorted((a, b) => b.destroyedAt - a.destroyedAt).find(({ is }) => is === 'kept');
  if (!latest) {
    const remedy = 'See what can be brought back with `olympus undo` without a machine.';
    return refused(machine, `Nothing is kept of ${machine} on any hypervisor.`, remedy);
  }
  const { host, hypervisor, destroyed, is } = latest;
  const { folder } = machineFiles(machine);
  if (is === 'kept') {
    fleet.onProgress({ machine, text: `undo: its disks on ${host.name}` });
    await hypervisor.putBack(latest.folder, folder, signal);
  }
  const isWhole = (await disksIn(hypervisor, folder, signal)).length === 2;
  const as = isWhole ? await makeDomain(fleet, hypervisor, machine, destroyed) : 'disks';
  // From here on it is a machine like any other.
  await hypervisor.remove(destroyedFile(folder), signal);
  return { machine, host: host.name, as };
}

async function lookFor(
  { inventory, clock, signal }: TrashFleet,
  hypervisor: Hypervisor,
  host: HypervisorHost,
  machine: string,
): Promise<Found | undefined> {
  const { fleet } = inventory;
  const { folder } = machineFiles(machine);
  const at = { host, hypervisor, folder, destroyedAt: 0 };
  // A host that was never set up completely may have nothing to ask.
  const domain = (await hypervisor.hasLibvirt(signal)) ? await hypervisor.domain(machine, signal) : undefined;
  if ((await disksIn(hypervisor, folder, signal)).length > 0) {
    const destroyed = await readDestroyed(hypervisor, folder, signal);
    const isOurs = !domain || notOurs(machine, domain, { host: host.name, fleet }) === undefined;
    return { ...at, destroyed, is: destroyed?.fleet === fleet && isOurs ? 'half' : 'there' };
  }
  if (domain) return { ...at, destroyed: undefined, is: 'there' };
  const [latest] = await listTrash(hypervisor, { fleet, machine }, signal);
  if (!latest || clock.now() - latest.destroyedAt >= TRASH_MS) return undefined;
  return { ...at, ...latest, is: 'kept' };
}

/** Defines the machine from what was written down, and has it run if it did, once its files are in their place. */
async function makeDomain(
  { signal, onProgress }: TrashFleet,
  hypervisor: Hypervisor,
  machine: string,
  destroyed: Destroyed | undefined,
): Promise<NonNullable<Undone['as']>> {
  if (!destroyed?.applied) return 'disks';
  const { applied, wasRunning, snapshots } = destroyed;
  onProgress({ machine, text: `undo: its domain on ${hypervisor.name}` });
  const before = await hypervisor.domain(machine, signal);
  if (!before) await hypervisor.define(definitionOf(applied.spec).xml, signal);
  if (!before?.autostart) await hypervisor.setAutostart(machine, true, signal);
  if (snapshots.length > 0) await hypervisor.redefineSnapshots(machine, snapshots, signal);
  if (!wasRunning) return 'off';
  if (before === undefined || before.state === 'off') await hypervisor.start(machine, signal);
  return 'running';
}

function refused(machine: string, message: string, remedy: string): Undone {
  return { machine, failure: { message, remedy, console: [] } };
}

import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { HypervisorHost, Machine } from '../inventory/inventory.ts';
import { machineFiles } from '../machine/machine-spec.ts';
import {
  discard,
  disksIn,
  listTrash,
  noteDestroyed,
  readDestroyed,
  removeEntry,
  sweepTrashQuietly,
} from '../trash/trash.ts';
import { TRASH_MS } from '../trash/trash-entry.ts';
import { type Fleet, pickMachines } from './fleet.ts';
import { HypervisorPool } from './hypervisor-pool.ts';
import { notOurs } from './ours.ts';
import { type Failure, failureOf } from './outcome.ts';

/** What became of one machine that was to be taken away. */
export interface DestroyOutcome {
  readonly machine: string;
  readonly host: string;
  readonly changed: boolean;
  /** Until when its disks can be brought back (Unix ms). */
  readonly keptUntil?: number;
  readonly failure?: Failure;
}

export interface DestroyOptions {
  readonly machines: readonly string[];
  /** Removes the disks at once, and what is in the trash of these machines with them. */
  readonly purge: boolean;
}

type DestroyFleet = Pick<Fleet, 'inventory' | 'connect' | 'clock' | 'signal' | 'onProgress'>;

/**
 * Takes machines away; what is gone already is fine, what is not ours is refused. Their disks go to the trash, from which
 * `undoDestroy` brings them back for `TRASH_MS`. No name stands for all of them: none names none.
 */
export async function destroyMachines(
  fleet: DestroyFleet,
  { machines, purge }: DestroyOptions,
): Promise<DestroyOutcome[]> {
  if (machines.length === 0) return [];
  const picked = pickMachines(fleet.inventory, machines);
  await using pool = new HypervisorPool(fleet.connect);
  await pool.reserve(
    picked.map(({ host }) => host),
    fleet,
  );
  const work = picked.map(async ({ machine, host }): Promise<DestroyOutcome> => {
    const result = { machine: machine.name, host: host.name };
    try {
      const hypervisor = await pool.get(host);
      const outcome = { ...result, ...(await destroy(fleet, hypervisor, machine, { host, purge })) };
      await sweepTrashQuietly(fleet, hypervisor, machine.name);
      return outcome;
    } catch (error) {
      fleet.signal.throwIfAborted();
      return { ...result, changed: false, failure: failureOf(machine.name, 'destroying', error) };
    }
  });
  // Awaited here: the connections are closed when this function is left.
  return await Promise.all(work);
}

async function destroy(
  { inventory, clock, signal, onProgress }: DestroyFleet,
  hypervisor: Hypervisor,
  { name }: Machine,
  { host, purge }: { readonly host: HypervisorHost; readonly purge: boolean },
): Promise<Omit<DestroyOutcome, 'machine' | 'host'>> {
  // A host that was never set up completely has nothing of ours but perhaps files.
  const domain = (await hypervisor.hasLibvirt(signal)) ? await hypervisor.domain(name, signal) : undefined;
  const { fleet } = inventory;
  const files = machineFiles(name);
  const refusal = domain
    ? notOurs(name, domain, { host: host.name, fleet })
    : await notOurFiles(hypervisor, name, fleet, signal);
  if (refusal) return { changed: false, failure: refusal };
  const hasFiles = (await hypervisor.list(files.folder, signal)).length > 0;
  if (!purge && (domain || hasFiles)) await noteDestroyed(hypervisor, name, { fleet, domain }, signal);
  if (domain) {
    onProgress({ machine: name, text: `destroy: the domain on ${host.name}` });
    await hypervisor.powerOff(name, signal);
    // Without a definition, a running domain is gone with its power.
    if (await hypervisor.domain(name, signal)) await hypervisor.undefine(name, signal);
  }
  const says = (): void => onProgress({ machine: name, text: `destroy: its disks on ${host.name}` });
  if (purge) {
    const kept = await listTrash(hypervisor, { fleet, machine: name }, signal);
    // First of all, or what is left after a cut would pass for a machine that has lost its data disk.
    await hypervisor.remove(files.ready, signal);
    const removed = await hypervisor.remove(files.folder, signal);
    for (const entry of kept) await removeEntry(hypervisor, entry, signal);
    if (removed || kept.length > 0) says();
    return { changed: domain !== undefined || removed || kept.length > 0 };
  }
  const disks = await disksIn(hypervisor, files.folder, signal);
  const kept = await discard(hypervisor, name, clock.now(), signal);
  if (kept) says();
  // Without a disk there is nothing to bring back.
  if (kept && disks.length === 0) await removeEntry(hypervisor, kept, signal);
  return {
    changed: domain !== undefined || kept !== undefined,
    ...(kept && disks.length > 0 ? { keptUntil: kept.destroyedAt + TRASH_MS } : {}),
  };
}

/** Why files without a domain are not to be touched: somebody of another fleet was killed while destroying their machine. */
async function notOurFiles(
  hypervisor: Hypervisor,
  name: string,
  fleet: string,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const whose = (await readDestroyed(hypervisor, machineFiles(name).folder, signal))?.fleet ?? fleet;
  if (whose === fleet) return undefined;
  return {
    message: `The files of ${name} on ${hypervisor.name} belong to the fleet ${whose}; nothing of them was touched.`,
    remedy: `Destroy it with the inventory of ${whose}.`,
    console: [],
  };
}

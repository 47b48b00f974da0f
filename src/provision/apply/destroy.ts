import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { HypervisorHost, Machine } from '../inventory/inventory.ts';
import { machineFiles } from '../machine/machine-spec.ts';
import { discard, noteDestroyed, sweepTrash, trashOf } from '../trash/trash.ts';
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
  const work = picked.map(async ({ machine, host }): Promise<DestroyOutcome> => {
    const result = { machine: machine.name, host: host.name };
    try {
      return { ...result, ...(await destroy(fleet, await pool.get(host), machine, { host, purge })) };
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
  if (domain) {
    const refusal = notOurs(name, domain, { host: host.name, fleet: inventory.fleet });
    if (refusal) return { changed: false, failure: refusal };
    if (!purge) await noteDestroyed(hypervisor, name, { fleet: inventory.fleet, domain }, signal);
    onProgress({ machine: name, text: `destroy: the domain on ${host.name}` });
    await hypervisor.powerOff(name, signal);
    // Without a definition, a running domain is gone with its power.
    if (await hypervisor.domain(name, signal)) await hypervisor.undefine(name, signal);
  }
  if (purge) {
    const removed = [await hypervisor.remove(machineFiles(name).folder, signal)];
    for (const { entry } of await trashOf(hypervisor, name, inventory.fleet, signal)) {
      removed.push(await hypervisor.remove(entry.folder, signal));
    }
    const any = removed.includes(true);
    if (any) onProgress({ machine: name, text: `destroy: its disks on ${host.name}` });
    return { changed: domain !== undefined || any };
  }
  await sweepTrash(hypervisor, clock.now(), signal);
  const { removed, kept } = await discard(hypervisor, name, clock.now(), signal);
  if (removed) onProgress({ machine: name, text: `destroy: its disks on ${host.name}` });
  return {
    changed: domain !== undefined || removed,
    ...(kept ? { keptUntil: kept.destroyedAt + TRASH_MS } : {}),
  };
}

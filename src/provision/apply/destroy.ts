import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { HypervisorHost, Machine } from '../inventory/inventory.ts';
import { machineFiles } from '../machine/machine-spec.ts';
import { parseApplied } from '../machine/plan.ts';
import { type Fleet, pickMachines } from './fleet.ts';
import { HypervisorPool } from './hypervisor-pool.ts';
import { type Failure, failureOf } from './outcome.ts';

/** What became of one machine that was to be removed. */
export interface Destroyed {
  readonly machine: string;
  readonly host: string;
  readonly changed: boolean;
  readonly failure?: Failure;
}

/** Removes machines with all of their disks; what is gone already is fine, what is not ours is refused. */
export async function destroyMachines(
  fleet: Pick<Fleet, 'inventory' | 'connect' | 'signal' | 'onProgress'>,
  names: readonly string[],
): Promise<Destroyed[]> {
  const picked = pickMachines(fleet.inventory, names);
  await using pool = new HypervisorPool(fleet.connect);
  const work = picked.map(async ({ machine, host }): Promise<Destroyed> => {
    const result = { machine: machine.name, host: host.name };
    try {
      return { ...result, ...(await destroy(fleet, await pool.get(host), machine, host)) };
    } catch (error) {
      fleet.signal.throwIfAborted();
      return { ...result, changed: false, failure: failureOf(machine.name, 'destroying', error) };
    }
  });
  // Awaited here: the connections are closed when this function is left.
  return await Promise.all(work);
}

async function destroy(
  { inventory, signal, onProgress }: Pick<Fleet, 'inventory' | 'signal' | 'onProgress'>,
  hypervisor: Hypervisor,
  { name }: Machine,
  host: HypervisorHost,
): Promise<{ changed: boolean; failure?: Failure }> {
  // A host that was never set up completely has nothing of ours but perhaps files.
  const domain = (await hypervisor.hasLibvirt(signal)) ? await hypervisor.domain(name, signal) : undefined;
  if (domain) {
    const fleet = parseApplied(domain.defined.metadata)?.spec.fleet;
    if (domain.defined.metadata === undefined || (fleet !== undefined && fleet !== inventory.fleet)) {
      const whose = fleet === undefined ? 'was not made by Olympus' : `belongs to the fleet ${fleet}`;
      const failure = {
        message: `The domain ${name} on ${host.name} ${whose}; nothing of it was touched.`,
        remedy: 'Remove it with virsh, if it really has to go.',
        console: [],
      };
      return { changed: false, failure };
    }
    onProgress({ machine: name, text: `destroy: the domain on ${host.name}` });
    await hypervisor.powerOff(name, signal);
    // Without a definition, a running domain is gone with its power.
    if (await hypervisor.domain(name, signal)) await hypervisor.undefine(name, signal);
  }
  const removed = await hypervisor.remove(machineFiles(name).folder, signal);
  if (removed) onProgress({ machine: name, text: `destroy: its disks on ${host.name}` });
  return { changed: domain !== undefined || removed };
}

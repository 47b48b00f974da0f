import type { HypervisorHost, Machine } from '../inventory/inventory.ts';

/** What a machine takes of its hypervisor. */
export interface Size {
  readonly memoryMib: number;
  /** Both disks. */
  readonly diskGib: number;
  readonly vcpus: number;
}

export type Resource = keyof Size;
export const resources: readonly Resource[] = ['memoryMib', 'diskGib', 'vcpus'];

/** A hypervisor with what its machines take of it. */
export interface Load {
  readonly host: string;
  readonly total: Size;
  readonly taken: Size;
  readonly machines: readonly string[];
}

/** What a machine takes. */
export function sizeOf({ memoryMib, diskGib, dataGib, vcpus }: Omit<Machine, 'host'>): Size {
  return { memoryMib, diskGib: diskGib + dataGib, vcpus };
}

/** The hypervisors with the machines that are placed. Of a hardware thread there are `overcommit` vCPUs. */
export function loadsOf(
  hypervisors: readonly HypervisorHost[],
  machines: readonly Machine[],
  overcommit: number,
): Load[] {
  return hypervisors.map(({ name, memoryMib, diskGib, vcpus }) => {
    const here = machines.filter(({ host }) => host === name);
    return here.reduce<Load>((load, machine) => withMachine(load, machine.name, sizeOf(machine)), {
      host: name,
      total: { memoryMib, diskGib, vcpus: vcpus * overcommit },
      taken: { memoryMib: 0, diskGib: 0, vcpus: 0 },
      machines: [],
    });
  });
}

/** The same hypervisor with one machine more. */
export function withMachine(load: Load, machine: string, size: Size): Load {
  const taken = {
    memoryMib: load.taken.memoryMib + size.memoryMib,
    diskGib: load.taken.diskGib + size.diskGib,
    vcpus: load.taken.vcpus + size.vcpus,
  };
  return { ...load, taken, machines: [...load.machines, machine] };
}

/** What a hypervisor has too little of for a machine; none when it fits. */
export function lacking({ total, taken }: Load, size: Size): Resource[] {
  return resources.filter((resource) => taken[resource] + size[resource] > total[resource]);
}

/** What there is least of, and how much of it is taken: 1 is all. */
export function scarcest({ total, taken }: Load): { readonly resource: Resource; readonly share: number } {
  const shares = resources.map((resource) => ({ resource, share: taken[resource] / total[resource] }));
  return shares.reduce((most, each) => (each.share > most.share ? each : most));
}

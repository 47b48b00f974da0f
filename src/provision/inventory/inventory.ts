import { createHash } from 'node:crypto';
import type { Rule } from '../connectivity/table.ts';
import type { FleetVariables, HypervisorEntry, MachineEntry } from './schema.ts';

/** A hypervisor, with everything that holds for it. */
export interface HypervisorHost {
  readonly name: string;
  readonly address: string;
  readonly memoryMib: number;
  readonly vcpus: number;
  readonly diskGib: number;
  /** Commands run here instead of over SSH. */
  readonly local: boolean;
  readonly user: string;
  readonly become: boolean;
  /** What machines are attached to. */
  readonly attach: { readonly bridge: string } | { readonly network: string };
  readonly domainType: 'auto' | 'kvm' | 'qemu';
}

/** A machine that is wanted: the hub or an agent. */
export interface Machine {
  readonly name: string;
  readonly group: 'hub' | 'agents';
  /** The name of its hypervisor. */
  readonly host: string;
  readonly address: string;
  readonly mac: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskGib: number;
  readonly dataGib: number;
  /** Where its dashboard listens; loopback unless it says so. */
  readonly openclawBind?: 'loopback' | 'lan';
}

/** A machine that still wants a place. */
export type UnplacedMachine = Omit<Machine, 'host'>;

/** An entry of hosts.yml that describes a machine. */
export interface MachineOfGroup {
  readonly group: Machine['group'];
  readonly name: string;
  readonly entry: MachineEntry;
}

/** A whole inventory that passed every check. */
export interface Inventory {
  readonly dir: string;
  readonly fleet: string;
  readonly domain: string;
  readonly variables: FleetVariables;
  readonly hypervisors: readonly HypervisorHost[];
  readonly machines: readonly Machine[];
  /** Who may reach whom. */
  readonly connectivity: readonly Rule[];
}

/** The sizes that have a name. */
export const PROFILES = {
  light: { vcpus: 2, memoryMib: 8192 },
  medium: { vcpus: 4, memoryMib: 16_384 },
  heavy: { vcpus: 8, memoryMib: 32_768 },
} as const;

/** The hypervisor that an entry of hosts.yml describes. */
export function toHypervisor(
  name: string,
  entry: HypervisorEntry,
  variables: FleetVariables,
): HypervisorHost {
  const network =
    entry.hypervisor_network ?? (entry.hypervisor_bridge ? undefined : variables.hypervisor_network);
  return {
    name,
    address: entry.address,
    memoryMib: entry.memory_gib * 1024,
    vcpus: entry.vcpus,
    diskGib: entry.disk_gib,
    local: entry.ansible_connection === 'local',
    user: entry.hypervisor_user ?? variables.hypervisor_user,
    become: entry.hypervisor_become ?? variables.hypervisor_become,
    attach: network ? { network } : { bridge: entry.hypervisor_bridge ?? variables.hypervisor_bridge },
    domainType: entry.vm_domain_type ?? variables.vm_domain_type,
  };
}

/** The machine that an entry of hosts.yml describes; `undefined` when nothing says how large it is. */
export function toMachine(
  { group, name, entry }: MachineOfGroup,
  fleet: string,
): Machine | UnplacedMachine | undefined {
  const profile = entry.profile ? PROFILES[entry.profile] : undefined;
  const vcpus = entry.vcpus ?? profile?.vcpus;
  const memoryMib = entry.memory_mib ?? profile?.memoryMib;
  if (vcpus === undefined || memoryMib === undefined) return undefined;
  return {
    name,
    group,
    ...(entry.host === undefined ? {} : { host: entry.host }),
    address: entry.address,
    mac: entry.mac ?? macOf(fleet, name),
    vcpus,
    memoryMib,
    diskGib: entry.disk_gib,
    dataGib: entry.data_gib,
    ...(entry.openclaw_bind === undefined ? {} : { openclawBind: entry.openclaw_bind }),
  };
}

/** The MAC address of a machine without one of its own: always the same for the same fleet and name. */
export function macOf(fleet: string, name: string): string {
  const digest = createHash('sha256').update(`${fleet}/${name}`).digest('hex');
  return `52:54:00:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}

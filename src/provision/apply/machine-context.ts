import { readFileSync } from 'node:fs';
import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { renderSeed, type Seed, type SeedTemplates, type SeedValues } from '../cloud-init/seed.ts';
import type { HypervisorHost, Inventory, Machine } from '../inventory/inventory.ts';
import { parseNetwork } from '../inventory/ipv4.ts';
import { type Image, machineFiles, type WantedSpec, wantedSpec } from '../machine/machine-spec.ts';
import type { CurrentMachine } from '../machine/plan.ts';
import { publicKeyOf } from '../ssh/prepare-ssh.ts';
import { MACHINE_USER } from '../ssh/ssh-config.ts';
import type { SshFiles } from '../ssh/ssh-files.ts';

export interface WantedOptions {
  readonly templates: SeedTemplates;
  readonly ssh: SshFiles;
  readonly host: HypervisorHost;
  readonly image: Image;
}

/** What is wanted of a machine: its spec, and its seed with the host key or without. */
export interface WantedMachine {
  readonly spec: WantedSpec;
  seed(withHostKey: boolean): Seed;
}

/** Works out a machine from the inventory and the keys of the control node. */
export function wantedMachine(
  inventory: Inventory,
  machine: Machine,
  { templates, ssh, host, image }: WantedOptions,
): WantedMachine {
  const { variables, domain } = inventory;
  const values: SeedValues = {
    name: machine.name,
    fqdn: `${machine.name}.${domain}`,
    user: MACHINE_USER,
    authorizedKeys: [publicKeyOf(ssh.controlKey), ...variables.vm_authorized_keys],
    mac: machine.mac,
    address: `${machine.address}/${parseNetwork(variables.network_cidr)?.prefix ?? 24}`,
    gateway: variables.network_gateway,
    dns: variables.network_dns,
  };
  const hostKeyFile = ssh.hostKey(machine.name);
  const { instanceId } = renderSeed(templates, values);
  return {
    spec: wantedSpec(inventory, machine, { host, image, instanceId }),
    seed: (withHostKey) => {
      const { instanceId: _, ...seed } = renderSeed(
        templates,
        values,
        withHostKey
          ? { privateKey: readFileSync(hostKeyFile, 'utf8'), publicKey: publicKeyOf(hostKeyFile) }
          : undefined,
      );
      return seed;
    },
  };
}

/** Looks at what there is of a machine. */
export async function readCurrent(
  hypervisor: Hypervisor,
  name: string,
  signal: AbortSignal,
): Promise<CurrentMachine> {
  const files = machineFiles(name);
  const domain = await hypervisor.domain(name, signal);
  const { ready, ...there } = await hypervisor.look(files, signal);
  return { domain, ...there, ready: ready?.trim() };
}

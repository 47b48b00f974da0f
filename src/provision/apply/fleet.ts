import path from 'node:path';
import { z } from 'zod';
import { virshHypervisor } from '#integrations/libvirt/virsh.ts';
import type { Clock } from '#lib/clock.ts';
import { readYaml } from '#lib/yaml.ts';
import { readSeedTemplates, type SeedTemplates } from '../cloud-init/seed.ts';
import type { HypervisorHost, Inventory, Machine } from '../inventory/inventory.ts';
import type { Image } from '../machine/machine-spec.ts';
import { prepareSsh } from '../ssh/prepare-ssh.ts';
import { openShell } from '../ssh/shell.ts';
import type { SshFiles } from '../ssh/ssh-files.ts';
import type { Connect } from './hypervisor-pool.ts';

/** What is said about a machine while it is worked on. */
export interface Progress {
  readonly machine: string;
  readonly text: string;
}

/** Everything that work on the machines of a fleet needs. */
export interface Fleet {
  readonly inventory: Inventory;
  readonly image: Image;
  readonly templates: SeedTemplates;
  readonly ssh: SshFiles;
  readonly scratchDir: string;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface FleetOptions extends Pick<Fleet, 'inventory' | 'clock' | 'signal' | 'onProgress'> {
  /** The checkout. */
  readonly root: string;
  readonly stateDir: string;
}

/** Prepares work on a fleet: keys and SSH configuration are made where they are missing. */
export async function openFleet({ root, stateDir, ...rest }: FleetOptions): Promise<Fleet> {
  const { inventory, signal } = rest;
  const { files } = await prepareSsh(inventory, stateDir, signal);
  return {
    ...rest,
    image: imageOf(inventory, stateDir),
    templates: readSeedTemplates(root),
    ssh: files,
    scratchDir: path.join(stateDir, 'tmp'),
    connect: async (host) => {
      const shell = await openShell(host, files, signal);
      return {
        hypervisor: virshHypervisor(host.name, shell),
        [Symbol.asyncDispose]: () => shell[Symbol.asyncDispose](),
      };
    },
  };
}

/** The machines of these names, all when none is given, each with its hypervisor; throws for a name that nobody has. */
export function pickMachines(
  inventory: Inventory,
  names: readonly string[],
): { machine: Machine; host: HypervisorHost }[] {
  const { machines, hypervisors } = inventory;
  const unknown = names.find((name) => !machines.some((machine) => machine.name === name));
  if (unknown !== undefined) throw new UnknownMachine(unknown, machines);
  return machines
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .map((machine) => {
      const host = hypervisors.find(({ name }) => name === machine.host);
      if (!host) throw new Error(`${machine.name} passed the checks without a hypervisor`);
      return { machine, host };
    });
}

/** Somebody named a machine that the inventory does not have. */
export class UnknownMachine extends Error {
  readonly known: readonly string[];

  constructor(name: string, machines: readonly Machine[]) {
    super(`There is no machine ${name} in the inventory.`);
    this.name = 'UnknownMachine';
    this.known = machines.map((machine) => machine.name);
  }
}

const Manifest = z.object({ image_sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** The base image: the inventory's, or the one that was built here last. Its name follows its content. */
function imageOf({ variables }: Inventory, stateDir: string): Image {
  const { vm_image_file, vm_image_manifest, vm_kernel_file, vm_initrd_file, vm_kernel_options } = variables;
  const options = vm_kernel_options;
  if (vm_image_manifest !== undefined) {
    const manifest = readYaml(path.join(stateDir, vm_image_manifest), Manifest);
    const name = manifest.image_sha256.slice(0, 12);
    const kernel = { kernel: `${name}.vmlinuz`, initrd: `${name}.initrd`, options };
    return { file: `${name}.qcow2`, kernel };
  }
  if (vm_image_file === undefined) throw new Error('an inventory without an image passed its checks');
  if (vm_kernel_file === undefined || vm_initrd_file === undefined) return { file: vm_image_file };
  return { file: vm_image_file, kernel: { kernel: vm_kernel_file, initrd: vm_initrd_file, options } };
}

import path from 'node:path';
import { z } from 'zod';
import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { libvirtHypervisor } from '#integrations/libvirt/libvirt-hypervisor.ts';
import type { Clock } from '#lib/clock.ts';
import { readYaml } from '#lib/yaml.ts';
import { readSeedTemplates, type SeedTemplates } from '../cloud-init/seed.ts';
import type { HypervisorHost, Inventory, Machine } from '../inventory/inventory.ts';
import { FOLDER, type Image } from '../machine/machine-spec.ts';
import type { Phase } from '../ready/not-ready.ts';
import { type Probe, probesOf } from '../ready/probes.ts';
import { prepareSsh } from '../ssh/prepare-ssh.ts';
import { openShell } from '../ssh/shell.ts';
import type { SshFiles } from '../ssh/ssh-files.ts';
import { growInside } from './grow-inside.ts';
import type { Connect, OpenHypervisor } from './hypervisor-pool.ts';

/** What is said about a machine while it is worked on. */
export interface Progress {
  readonly machine: string;
  readonly text: string;
  /** Nothing goes on until somebody else is done: worth a line also where nobody watches. */
  readonly waits?: true;
}

/** The way into machines, from outside. */
export interface MachineAccess {
  /** How each phase of a machine's way up is seen to be over. */
  probes(machine: string, hypervisor: Hypervisor): Readonly<Record<Phase, Probe>>;
  /** Lets a machine that runs use a disk that has grown. */
  growInside(machine: string, disk: 'root' | 'data'): Promise<void>;
}

/** Everything that work on the machines of a fleet needs. */
export interface Fleet {
  readonly inventory: Inventory;
  readonly image: Image;
  readonly templates: SeedTemplates;
  readonly ssh: SshFiles;
  readonly connect: Connect;
  readonly access: MachineAccess;
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
  const manifest = readManifest(inventory, stateDir);
  const { files } = await prepareSsh(inventory, stateDir, signal);
  return {
    ...rest,
    inventory: { ...inventory, hypervisors: inventory.hypervisors.map((host) => decided(host, manifest)) },
    image: imageOf(inventory, manifest),
    templates: readSeedTemplates(root),
    ssh: files,
    access: {
      probes: (machine, hypervisor) => probesOf({ machine, hypervisor, sshConfig: files.config }),
      growInside: (machine, disk) => growInside(machine, disk, { sshConfig: files.config, signal }),
    },
    connect: (host) => connectHypervisor(host, files, signal),
  };
}

/** A hypervisor by its shell, and by libvirt over the same connection. */
export async function connectHypervisor(
  host: HypervisorHost,
  files: SshFiles,
  signal: AbortSignal,
): Promise<OpenHypervisor> {
  const shell = await openShell(host, files, signal);
  const hypervisor = libvirtHypervisor({
    name: host.name,
    shell,
    libvirt: shell.libvirt,
    folder: FOLDER,
  });
  return {
    hypervisor,
    async [Symbol.asyncDispose]() {
      await hypervisor[Symbol.asyncDispose]();
      await shell[Symbol.asyncDispose]();
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

/** What whoever built an image here says about it, and about how guests run on this machine. */
const Manifest = z.object({
  image_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  vm_domain_type: z.enum(['kvm', 'qemu']).optional(),
});
type Manifest = z.output<typeof Manifest>;

/** Where the inventory leaves it open, whoever built the image has tried. */
function decided(host: HypervisorHost, manifest: Manifest | undefined): HypervisorHost {
  const tried = manifest?.vm_domain_type;
  return tried && host.domainType === 'auto' ? { ...host, domainType: tried } : host;
}

function readManifest({ variables }: Inventory, stateDir: string): Manifest | undefined {
  const { vm_image_manifest: name } = variables;
  return name === undefined ? undefined : readYaml(path.join(stateDir, name), Manifest);
}

/** The base image: the inventory's, or the one that was built here last. Its name follows its content. */
function imageOf({ variables }: Inventory, manifest: Manifest | undefined): Image {
  const { vm_image_file, vm_kernel_file, vm_initrd_file, vm_kernel_options: options } = variables;
  if (manifest) {
    const name = manifest.image_sha256.slice(0, 12);
    const kernel = { kernel: `${name}.vmlinuz`, initrd: `${name}.initrd`, options };
    return { file: `${name}.qcow2`, kernel };
  }
  if (vm_image_file === undefined) throw new Error('an inventory without an image passed its checks');
  if (vm_kernel_file === undefined || vm_initrd_file === undefined) return { file: vm_image_file };
  return { file: vm_image_file, kernel: { kernel: vm_kernel_file, initrd: vm_initrd_file, options } };
}

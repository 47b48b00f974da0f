import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type DomainSpec, renderDomain } from '#integrations/libvirt/domain-xml.ts';
import type { HypervisorHost, Inventory, Machine } from '../inventory/inventory.ts';

/** Where things of ours are on every hypervisor. */
export const FOLDER = '/var/lib/olympus';
/** Where the files of machines are, in a folder for each. */
export const MACHINES = `${FOLDER}/machines`;

const Image = z.object({
  file: z.string(),
  kernel: z.object({ kernel: z.string(), initrd: z.string(), options: z.string() }).optional(),
});
/** What a root disk begins as. A kernel that is started directly belongs to the image it was built with. */
export type Image = z.output<typeof Image>;

const Attach = z.union([z.object({ bridge: z.string() }), z.object({ network: z.string() })]);

/**
 * Everything that decides a machine; written into its domain when it is applied, and compared with later. A field
 * that is added has to be optional: without it, every machine counts as applied by another release and restarts.
 */
export const MachineSpec = z.object({
  fleet: z.string(),
  name: z.string(),
  mac: z.string(),
  attach: Attach,
  vcpus: z.number(),
  memoryMib: z.number(),
  diskGib: z.number(),
  dataGib: z.number(),
  domainType: z.enum(['kvm', 'qemu']),
  cpuModel: z.string().optional(),
  tcgTbSizeMib: z.number().optional(),
  diskCache: z.string(),
  image: Image,
  instanceId: z.string(),
});
export type MachineSpec = z.output<typeof MachineSpec>;

/** What is written into a domain: the spec, and a digest of the definition that this release makes of it. */
export const Applied = z.object({ spec: MachineSpec, definition: z.string() });
export type Applied = z.output<typeof Applied>;

/** A spec whose kind of virtualisation is still to be found out on the hypervisor. */
export type WantedSpec = Omit<MachineSpec, 'domainType'> & { readonly domainType: 'auto' | 'kvm' | 'qemu' };

/** The files of a machine on its hypervisor. */
export interface MachineFiles {
  readonly folder: string;
  readonly root: string;
  readonly data: string;
  readonly seed: string;
  readonly console: string;
  /** Holds the instance id that came up whole; until then the seed has the host key. */
  readonly ready: string;
}

/** Where the files of a machine are. */
export function machineFiles(name: string): MachineFiles {
  const folder = `${MACHINES}/${name}`;
  return {
    folder,
    root: `${folder}/root.qcow2`,
    data: `${folder}/data.qcow2`,
    seed: `${folder}/seed.iso`,
    console: `${folder}/console.log`,
    ready: `${folder}/ready`,
  };
}

/** The path of a base image, or of its kernel, on every hypervisor. */
export function imagePath(file: string): string {
  return `${FOLDER}/images/${file}`;
}

/** The spec that the inventory wants. */
export function wantedSpec(
  inventory: Inventory,
  machine: Machine,
  { host, image, instanceId }: { host: HypervisorHost; image: Image; instanceId: string },
): WantedSpec {
  const { vm_cpu_model: cpuModel, vm_tcg_tb_size_mib: tcgTbSizeMib } = inventory.variables;
  return {
    fleet: inventory.fleet,
    name: machine.name,
    mac: machine.mac,
    attach: host.attach,
    vcpus: machine.vcpus,
    memoryMib: machine.memoryMib,
    diskGib: machine.diskGib,
    dataGib: machine.dataGib,
    domainType: host.domainType,
    ...(cpuModel === undefined ? {} : { cpuModel }),
    ...(tcgTbSizeMib === undefined ? {} : { tcgTbSizeMib }),
    diskCache: inventory.variables.vm_disk_cache,
    image,
    instanceId,
  };
}

/** The domain's definition, with what was applied in its metadata. */
export function definitionOf(spec: MachineSpec): { xml: string; digest: string } {
  const digest = createHash('sha256')
    .update(renderDomain(domainOf(spec, '')))
    .digest('hex')
    .slice(0, 16);
  const applied = { spec, definition: digest } satisfies Applied;
  return { xml: renderDomain(domainOf(spec, JSON.stringify(applied))), digest };
}

/** The id of a machine's domain: always the same for the same fleet and name. */
export function uuidOf(fleet: string, name: string): string {
  const hex = createHash('sha256').update(`olympus/${fleet}/${name}`).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

function domainOf(spec: MachineSpec, metadata: string): DomainSpec {
  const files = machineFiles(spec.name);
  const { kernel } = spec.image;
  return {
    name: spec.name,
    uuid: uuidOf(spec.fleet, spec.name),
    title: `${spec.name} of the fleet ${spec.fleet}`,
    metadata,
    type: spec.domainType,
    cpuModel: spec.cpuModel,
    tcgTbSizeMib: spec.tcgTbSizeMib,
    diskCache: spec.diskCache,
    vcpus: spec.vcpus,
    memoryMib: spec.memoryMib,
    attach: spec.attach,
    mac: spec.mac,
    kernel: kernel && {
      kernel: imagePath(kernel.kernel),
      initrd: imagePath(kernel.initrd),
      options: kernel.options,
    },
    rootDisk: files.root,
    dataDisk: files.data,
    seed: files.seed,
    consoleLog: files.console,
  };
}

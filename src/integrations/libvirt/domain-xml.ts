import type { DomainFacts } from './hypervisor.ts';

/** The namespace of what we write into a domain's metadata. */
const NAMESPACE = 'urn:olympus:machine:1';

/** Everything that decides a domain. */
export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  readonly title: string;
  /** Kept in the domain for whoever compares later. */
  readonly metadata: string;
  readonly type: 'kvm' | 'qemu';
  readonly cpuModel: string | undefined;
  readonly tcgTbSizeMib: number | undefined;
  /** How the hypervisor treats what the guest writes: libvirt's word. */
  readonly diskCache: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly attach: { readonly bridge: string } | { readonly network: string };
  readonly mac: string;
  /** A kernel that is started directly, for an image without a boot loader. */
  readonly kernel: { readonly kernel: string; readonly initrd: string; readonly options: string } | undefined;
  readonly rootDisk: string;
  readonly dataDisk: string;
  readonly seed: string;
  /** What the guest writes to its serial console is kept here, from its last start on. */
  readonly consoleLog: string;
}

/** How the guest knows its disks. */
export const DISK_TARGETS = { root: 'vda', data: 'vdb', seed: 'vdc' } as const;

/** The definition of a domain; always the same text for the same spec. */
export function renderDomain(spec: DomainSpec): string {
  const { kernel } = spec;
  const boot = kernel
    ? [
        `    <kernel>${text(kernel.kernel)}</kernel>`,
        `    <initrd>${text(kernel.initrd)}</initrd>`,
        `    <cmdline>${text(kernel.options)}</cmdline>`,
      ]
    : [`    <boot dev='hd'/>`];
  const translation =
    spec.type === 'qemu' && spec.tcgTbSizeMib !== undefined
      ? [`    <tcg><tb-cache unit='MiB'>${spec.tcgTbSizeMib}</tb-cache></tcg>`]
      : [];
  const source = 'bridge' in spec.attach ? 'bridge' : 'network';
  const sourceName = 'bridge' in spec.attach ? spec.attach.bridge : spec.attach.network;
  return `${[
    `<domain type='${spec.type}'>`,
    `  <name>${text(spec.name)}</name>`,
    `  <uuid>${text(spec.uuid)}</uuid>`,
    `  <title>${text(spec.title)}</title>`,
    '  <metadata>',
    `    <olympus:machine xmlns:olympus="${NAMESPACE}">${text(spec.metadata)}</olympus:machine>`,
    '  </metadata>',
    `  <memory unit='MiB'>${spec.memoryMib}</memory>`,
    `  <currentMemory unit='MiB'>${spec.memoryMib}</currentMemory>`,
    `  <vcpu>${spec.vcpus}</vcpu>`,
    '  <os>',
    `    <type arch='x86_64' machine='q35'>hvm</type>`,
    ...boot,
    '  </os>',
    '  <features>',
    '    <acpi/>',
    '    <apic/>',
    ...translation,
    '  </features>',
    `  ${cpu(spec)}`,
    `  <clock offset='utc'/>`,
    '  <on_poweroff>destroy</on_poweroff>',
    '  <on_reboot>restart</on_reboot>',
    '  <on_crash>restart</on_crash>',
    '  <devices>',
    ...disk({ ...spec, file: spec.rootDisk, format: 'qcow2', target: DISK_TARGETS.root, serial: 'root' }),
    ...disk({ ...spec, file: spec.dataDisk, format: 'qcow2', target: DISK_TARGETS.data, serial: 'data' }),
    ...disk({ ...spec, file: spec.seed, format: 'raw', target: DISK_TARGETS.seed, serial: 'seed' }),
    `    <controller type='usb' model='none'/>`,
    `    <interface type='${source}'>`,
    `      <mac address='${text(spec.mac)}'/>`,
    `      <source ${source}='${text(sourceName)}'/>`,
    `      <model type='virtio'/>`,
    `      <rom enabled='no'/>`,
    '    </interface>',
    `    <serial type='pty'>`,
    `      <log file='${text(spec.consoleLog)}' append='off'/>`,
    `      <target port='0'/>`,
    '    </serial>',
    `    <console type='pty'>`,
    `      <target type='serial' port='0'/>`,
    '    </console>',
    `    <channel type='unix'>`,
    `      <target type='virtio' name='org.qemu.guest_agent.0'/>`,
    '    </channel>',
    `    <rng model='virtio'>`,
    `      <backend model='random'>/dev/urandom</backend>`,
    '    </rng>',
    `    <memballoon model='virtio'/>`,
    '  </devices>',
    '</domain>',
  ].join('\n')}\n`;
}

/** Reads what we compare out of a definition that libvirt printed. */
export function parseDomain(xml: string): DomainFacts {
  const metadata = new RegExp(
    `<[\\w-]+:machine xmlns:[\\w-]+=["']${NAMESPACE}["']>([^<]*)</[\\w-]+:machine>`,
  ).exec(xml)?.[1];
  return {
    uuid: /<uuid>([^<]+)<\/uuid>/.exec(xml)?.[1] ?? '',
    memoryKib: numberIn(xml, /<memory unit='KiB'>(\d+)<\/memory>/),
    currentMemoryKib: numberIn(xml, /<currentMemory unit='KiB'>(\d+)<\/currentMemory>/),
    vcpus: numberIn(xml, /<vcpu[^>]*>(\d+)<\/vcpu>/),
    metadata: metadata === undefined ? undefined : untext(metadata),
  };
}

interface DiskElement {
  readonly file: string;
  readonly format: 'qcow2' | 'raw';
  readonly target: string;
  readonly serial: string;
  readonly diskCache: string;
}

/** Always a file, never a pool's volume: AppArmor's helper does not look up volumes. */
function disk({ file, format, target, serial, diskCache }: DiskElement): string[] {
  return [
    `    <disk type='file' device='disk'>`,
    `      <driver name='qemu' type='${format}'${format === 'qcow2' ? ` cache='${text(diskCache)}' discard='unmap'` : ''}/>`,
    `      <source file='${text(file)}'/>`,
    `      <target dev='${target}' bus='virtio'/>`,
    ...(format === 'raw' ? ['      <readonly/>'] : []),
    `      <serial>${serial}</serial>`,
    '    </disk>',
  ];
}

/**
 * What an emulated processor can do. Not all that QEMU could emulate: programs then choose its wide vectors (AVX) and
 * protection keys, which take longest to emulate (a machine boots in 33 s instead of 52).
 */
const EMULATED_MODEL = 'Nehalem';

function cpu({ type, cpuModel }: DomainSpec): string {
  const model = cpuModel ?? (type === 'kvm' ? 'host-passthrough' : EMULATED_MODEL);
  if (['host-passthrough', 'host-model', 'maximum'].includes(model)) return `<cpu mode='${model}'/>`;
  return `<cpu mode='custom' match='exact'><model fallback='forbid'>${text(model)}</model></cpu>`;
}

function numberIn(xml: string, pattern: RegExp): number {
  const found = pattern.exec(xml)?.[1];
  if (found === undefined) throw new Error(`libvirt printed a domain without ${pattern.source}`);
  return Number(found);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

/** Text as it may stand in XML, also between quotes. */
export function text(value: string): string {
  return value.replaceAll(/[&<>'"]/g, (character) => ENTITIES[character] ?? character);
}

function untext(value: string): string {
  return Object.entries(ENTITIES).reduceRight(
    (result, [character, entity]) => result.replaceAll(entity, character),
    value,
  );
}

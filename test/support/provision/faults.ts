import { FILES, type RealBench } from './real-bench.ts';

/** Something that is wrong, and what has to be said about it. */
export interface Fault {
  readonly what: string;
  /** Makes it so; athena is not there unless it says `made`. */
  readonly cause: (bench: RealBench) => Promise<unknown> | unknown;
  /** Makes it right again. */
  readonly mend?: (bench: RealBench) => Promise<unknown> | unknown;
  /** It befalls a machine that is there. */
  readonly made?: true;
  /** What is called, unless it is `apply --machine athena`. */
  readonly call?: readonly string[];
  /** The machine or the host, the phase or the step, and the cause: within the first ten lines. */
  readonly says: RegExp;
  /** It is not athena that fails, but a call that cannot be made. */
  readonly code?: number;
}

const IMAGE = '/var/lib/olympus/images/base.qcow2';
const OTHER_KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIGPyeUcHBbfwXzIBUDVtMBKeDyEJqgHdKP1Hln6gAr5P';
const PROGRAM = (name: string): Pick<Fault, 'cause' | 'mend'> => ({
  cause: (bench) => bench.on(hide(name)),
  mend: (bench) => bench.on(show(name)),
});

/** A program is gone from a simulated hypervisor, whose file system is this machine's: another is mounted over it. */
function hide(name: string): string {
  return `printf '#!/bin/sh\\necho "$0: not found" >&2; exit 127\\n' >/root/gone-${name} && chmod 755 /root/gone-${name}
mount --bind /root/gone-${name} "$(PATH=$PATH:/usr/sbin:/sbin command -v ${name})"`;
}

function show(name: string): string {
  return `umount "$(PATH=$PATH:/usr/sbin:/sbin command -v ${name})"`;
}

function define(elements: string): string {
  return `virsh define /dev/stdin <<END
<domain type="qemu">${elements}<memory unit="MiB">32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>
END`;
}

/** Changes the definition of athena behind our back. */
function edited(script: string): string {
  return `virsh dumpxml --inactive athena | sed -E '${script}' >/root/edited.xml && virsh define /root/edited.xml`;
}

/** What may be wrong with machines, where they are made, on the way there, and in the inventory. */
export const FAULTS: readonly Fault[] = [
  // --- The image -----------------------------------------------------------------------------------------------
  {
    what: 'the image is missing',
    cause: (bench) => bench.on(`mv ${IMAGE} ${IMAGE}.away`),
    mend: (bench) => bench.on(`mv ${IMAGE}.away ${IMAGE}`),
    says: /athena, looking for its image: r420 has no \/var\/lib\/olympus\/images\/base\.qcow2\. The role image/,
  },
  {
    what: 'the image is corrupt',
    cause: (bench) => bench.on(`cp ${IMAGE} ${IMAGE}.away && echo garbage > ${IMAGE}`),
    mend: (bench) => bench.on(`mv ${IMAGE}.away ${IMAGE}`),
    says: /athena, create-root: .* r420: making the disk .*root\.qcow2 failed: .*not in qcow2 format/,
  },
  {
    what: 'the kernel is missing',
    cause: (bench) =>
      bench.writeInventory([
        'vm_image_file: base.qcow2',
        'vm_image_file: base.qcow2\nvm_kernel_file: none.vmlinuz\nvm_initrd_file: none.initrd',
      ]),
    says: /athena, looking for its image: r420 has no \/var\/lib\/olympus\/images\/none\.vmlinuz/,
  },
  // --- The hypervisor's disk -----------------------------------------------------------------------------------
  {
    what: 'the disk of the hypervisor is full',
    cause: (bench) =>
      bench.on(
        'mkdir -p /var/lib/olympus/machines && mount -t tmpfs -o size=64k none /var/lib/olympus/machines',
      ),
    mend: (bench) => bench.on('umount /var/lib/olympus/machines'),
    says: /athena, (write-seed|create-root|create-data): .* r420: .* failed: .*No space left.*\. Free disk space there/,
  },
  {
    what: 'the disk of the hypervisor is read-only',
    cause: (bench) =>
      bench.on('mkdir -p /var/lib/olympus/machines && mount -t tmpfs -o ro none /var/lib/olympus/machines'),
    mend: (bench) => bench.on('umount /var/lib/olympus/machines'),
    says: /athena, write-seed: .* r420: writing .*seed\.iso failed: .*Read-only file system/,
  },
  {
    what: 'there is a folder where its root disk belongs',
    cause: (bench) => bench.on(`mkdir -p ${FILES.root}`),
    says: /athena, looking at what is there: r420: looking at the disks .*root\.qcow2/,
  },
  {
    what: 'there is garbage where its root disk belongs',
    cause: (bench) => bench.on(`mkdir -p ${FILES.folder} && echo garbage > ${FILES.root}`),
    says: /r420 has a root disk of athena without its domain, made from nothing and not from/,
  },
  {
    what: 'its root disk is of another image',
    cause: (bench) => bench.on(`mkdir -p ${FILES.folder} && qemu-img create -q -f qcow2 ${FILES.root} 1G`),
    says: /r420 has a root disk of athena without its domain, made from nothing .*Begin it anew with `olympus apply --replace athena`/,
  },
  {
    what: 'its data disk would have to shrink',
    cause: (bench) => bench.on(`mkdir -p ${FILES.folder} && qemu-img create -q -f qcow2 ${FILES.data} 8G`),
    says: /The data disk of athena has 8 GiB and cannot shrink to 1\. Write data_gib: 8/,
  },
  // --- Programs ------------------------------------------------------------------------------------------------
  {
    what: 'qemu-img is missing',
    ...PROGRAM('qemu-img'),
    says: /athena, create-root: .* r420: .* failed: .*qemu-img: not found.*qemu-utils/,
  },
  {
    what: 'mke2fs is missing',
    ...PROGRAM('mke2fs'),
    says: /athena, create-data: .* r420: .* failed: .*mke2fs: not found.*e2fsprogs/,
  },
  {
    what: 'flock is missing',
    ...PROGRAM('flock'),
    says: /athena, connecting: r420: keeping others from \/var\/lib\/olympus failed: .*flock: not found.*util-linux/,
  },
  // --- libvirt -------------------------------------------------------------------------------------------------
  {
    what: 'libvirtd has stopped',
    cause: (bench) => bench.on('mount --bind /dev/null "$(readlink -f /run/libvirt/libvirt-sock)"'),
    mend: (bench) => bench.on('umount "$(readlink -f /run/libvirt/libvirt-sock)"'),
    says: /athena, .*: r420: looking at the domain athena failed, its libvirt is not reached/,
  },
  {
    what: 'libvirtd stops answering in the middle',
    cause: (bench) =>
      bench.on(
        `setsid sh -c 'until [ -e ${FILES.data} ]; do sleep 0.02; done; pkill -STOP -x libvirtd' >/dev/null 2>&1 </dev/null &`,
      ),
    mend: (bench) => bench.on('pkill -CONT -x libvirtd'),
    says: /athena, (define|autostart|start): .* r420: .* failed, its libvirt is not reached: /,
  },
  {
    what: 'libvirt refuses the definition',
    cause: (bench) =>
      bench.writeInventory(['vm_domain_type: qemu', 'vm_domain_type: qemu\nvm_cpu_model: Pentium-9']),
    says: /athena, (define|start): .* r420: .*athena.* failed: .*Pentium-9/,
  },
  {
    what: 'the bridge is not there',
    cause: (bench) => bench.writeInventory(['hypervisor_bridge: br0', 'hypervisor_bridge: br7']),
    says: /athena, start: .* r420: starting the domain athena failed: .*br7.*The bridge or network that the inventory names/,
  },
  {
    what: 'the network of libvirt is not there',
    cause: (bench) => bench.writeInventory(['hypervisor_bridge: br0', 'hypervisor_network: nowhere']),
    says: /athena, start: .* r420: starting the domain athena failed: .*no network with matching name 'nowhere'/,
  },
  {
    what: 'there is not so much memory',
    cause: (bench) =>
      bench.writeInventory(
        [/memory_gib: 64/g, 'memory_gib: 9000000'],
        [/(athena: .*memory_mib: )256/, (_: string, before: string) => `${before}1000000000`],
      ),
    says: /athena, (define|start): .* r420: .* failed: .*memory/i,
  },
  // --- Somebody else's -----------------------------------------------------------------------------------------
  {
    what: 'somebody made a domain of this name',
    cause: (bench) => bench.on(define('<name>athena</name>')),
    says: /r420 has a domain athena that Olympus did not make\. Rename it there/,
  },
  {
    what: 'another fleet has a machine of this name',
    made: true,
    cause: (bench) => bench.on(edited('s/(fleet(&quot;|"):(&quot;|"))olympus/\\1elsewhere/')),
    says: /The domain athena on r420 belongs to the fleet elsewhere, not to olympus/,
  },
  {
    what: 'another domain has its UUID',
    made: true,
    cause: (bench) =>
      bench.on(`uuid=$(virsh domuuid athena); virsh destroy athena; virsh undefine athena
${define('<name>other</name><uuid>$uuid</uuid>')}`),
    says: /athena, define: .* r420: defining a domain failed: .*already defined with uuid/,
  },
  {
    what: 'another hypervisor still has it',
    made: true,
    cause: (bench) => bench.writeInventory(['athena: {host: r420', 'athena: {host: r720xd']),
    says: /athena is to be made on r720xd, but r420 still has it\. Write host: r420 in the inventory, or destroy it there/,
  },
  {
    what: 'its snapshots would not fit a new root disk',
    made: true,
    cause: (bench) => bench.on('virsh snapshot-create-as athena before'),
    call: ['apply', '--machine', 'athena', '--replace', 'athena'],
    says: /athena has snapshots \(before\), and none of them would fit a new root disk\. Delete them first/,
  },
  // --- The way there -------------------------------------------------------------------------------------------
  {
    what: 'the hypervisor has another host key',
    cause: (bench) => (bench.knownHosts = bench.knownHosts.replace(/^(r420\S* \S+ )\S+/gm, `$1${OTHER_KEY}`)),
    says: /athena, connecting: r420 \(10\.220\.1\.7\) cannot be reached by SSH: .*[Hh]ost key.* Its host key is not the known one/,
  },
  {
    what: 'nobody is at its address',
    cause: (bench) => bench.writeInventory(['address: 10.220.1.7,', 'address: 10.220.1.8,']),
    says: /athena, connecting: r420 \(10\.220\.1\.8\) cannot be reached by SSH: /,
  },
  {
    what: 'the account may not log in',
    cause: (bench) => bench.writeInventory(['hypervisor_user: root', 'hypervisor_user: nobody']),
    says: /athena, connecting: r420 \(10\.220\.1\.7\) cannot be reached by SSH: .*(Permission denied|not known)/,
  },
  // --- The inventory -------------------------------------------------------------------------------------------
  {
    what: 'an address is taken',
    cause: (bench) => bench.writeInventory(['10.220.1.50', '10.220.1.51']),
    says: /hosts\.yml:\d+:\d+: apollo\.address: 10\.220\.1\.51 is taken by athena already/,
  },
  {
    what: 'a MAC address is taken',
    cause: (bench) => bench.writeInventory([/data_gib: 1}/g, 'data_gib: 1, mac: "52:54:00:00:00:07"}']),
    says: /hosts\.yml:\d+:\d+: \w+\.mac: 52:54:00:00:00:07 is taken by \w+ already/,
  },
  {
    what: 'a field is mistyped',
    cause: (bench) => bench.writeInventory(['memory_mib: 256', 'memory_mb: 256']),
    says: /hosts\.yml:\d+:\d+: hub\.memory_mb: there is no such field\. Did you mean memory_mib\?/,
  },
  {
    what: 'the machines do not fit',
    cause: (bench) => bench.writeInventory([/memory_mib: 256/g, 'memory_mib: 40000']),
    says: /hosts\.yml:\d+:\d+: r420\.memory_gib: athena, apollo want 80000 MiB of memory of r420, which has/,
  },
  {
    what: 'the inventory is not YAML',
    cause: (bench) => bench.writeInventory(['hypervisors:', 'hypervisors: [']),
    says: /hosts\.yml:\d+:\d+: this is not YAML/,
  },
  {
    what: 'nobody knows the machine',
    cause: () => undefined,
    call: ['apply', '--machine', 'zeus'],
    code: 2,
    says: /There is no machine zeus in the inventory\. It has hub, athena, apollo/,
  },
  // --- The machine ---------------------------------------------------------------------------------------------
  {
    what: 'the guest never gets its address',
    cause: () => undefined,
    says: /athena did not come up: it stopped at the phase address: .*nothing moved for 2 s, not even its console/,
  },
  {
    what: 'the data disk has gone',
    made: true,
    cause: (bench) => bench.on(`virsh destroy athena; rm ${FILES.data}; mkdir ${FILES.data}`),
    says: /athena, looking at what is there: r420: looking at the disks/,
  },
];

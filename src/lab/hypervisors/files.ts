import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sshFiles } from '#provision/ssh/ssh-files.ts';
import type { LabNames } from '../lab-names.ts';
import { type HypervisorPlan, hypervisorDir } from './hypervisor-plan.ts';

/** Folders that packages make and the daemons expect; below each hypervisor's own tree. */
const FOLDERS: readonly (readonly [folder: string, mode: number])[] = [
  ['etc', 0o755],
  ['etc/libvirt', 0o755],
  ['etc/olympus', 0o755],
  ['etc/ssh', 0o755],
  ['var/lib/libvirt', 0o755],
  ['var/lib/libvirt/boot', 0o711],
  ['var/lib/libvirt/images', 0o711],
  ['var/lib/libvirt/qemu', 0o750],
  // As the hypervisor role makes it: this runs at every lab up, and must undo nothing of the set-up.
  ['var/lib/olympus', 0o711],
  ['var/log/libvirt', 0o755],
  ['var/log/libvirt/qemu', 0o755],
  ['var/cache/libvirt', 0o711],
  ['var/cache/libvirt/qemu', 0o711],
  ['root', 0o700],
  ['root/.ssh', 0o700],
];

/** Writes the files of a hypervisor that it does not share with the machine. May run again and again. */
export function writeHypervisorFiles(names: LabNames, hypervisor: HypervisorPlan): void {
  const dir = hypervisorDir(names, hypervisor.name);
  const at = (file: string): string => path.join(dir, 'files', file);
  mkdirSync(path.join(dir, 'overlay'), { recursive: true, mode: 0o700 });
  for (const [folder, mode] of FOLDERS) {
    mkdirSync(at(folder), { recursive: true });
    chmodSync(at(folder), mode);
  }
  // In place, not renamed over: a running hypervisor has three of them mounted.
  for (const [file, mode, text] of textFiles(names, hypervisor)) {
    writeFileSync(at(file), text, { mode });
    chmodSync(at(file), mode);
  }
  const keys = sshFiles(names.stateDir);
  copyFileSync(`${keys.controlKey}.pub`, at('root/.ssh/authorized_keys'));
  const hostKey = keys.hostKey(hypervisor.name);
  copyFileSync(hostKey, at('etc/ssh/ssh_host_ed25519_key'));
  chmodSync(at('etc/ssh/ssh_host_ed25519_key'), 0o600);
  copyFileSync(`${hostKey}.pub`, at('etc/ssh/ssh_host_ed25519_key.pub'));
}

function textFiles(
  names: LabNames,
  { name, address }: HypervisorPlan,
): (readonly [file: string, mode: number, text: string])[] {
  return [
    ['etc/hostname', 0o644, `${name}\n`],
    ['etc/hosts', 0o644, `127.0.0.1 localhost\n${address} ${name}\n`],
    // An account that is locked on the machine (a `!`) could not log in here with a key either.
    ['etc/shadow', 0o600, 'root:*:20000:0:99999:7:::\n'],
    ['etc/ssh/sshd_config', 0o600, sshdConfig(address)],
    ['etc/libvirt/qemu.conf', 0o600, QEMU_CONF],
    ['etc/libvirt/libvirtd.conf', 0o644, libvirtdConf(names.id, name)],
    ['etc/libvirt/virtlogd.conf', 0o644, 'log_outputs = "3:stderr"\n'],
  ];
}

function sshdConfig(address: string): string {
  return `# Written by olympus lab.
ListenAddress ${address}
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
`;
}

/** There is no cgroup, security module or udev of their own in a simulated hypervisor. */
const QEMU_CONF = `# Written by olympus lab.
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
# Where sudo forbids core files and there is no right to allow them again, as in a container, none is asked for.
max_core = 0
`;

/** Whoever enters is root already; the identity is the hypervisor's own, not that of the machine below all of them. */
function libvirtdConf(labId: string, hypervisor: string): string {
  const digest = createHash('sha256').update(`${labId}/${hypervisor}`).digest('hex');
  const uuid = [0, 8, 12, 16, 20].map((from, index, starts) => digest.slice(from, starts[index + 1] ?? 32));
  return `# Written by olympus lab.
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0770"
log_outputs = "3:stderr"
host_uuid = "${uuid.join('-')}"
`;
}

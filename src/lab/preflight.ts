import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { LabError } from './lab-error.ts';
import { SYSTEM_PATH, tryRun } from './run.ts';

/** The programs the lab runs, and the Debian packages they come from. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['ip', 'iproute2'],
  ['unshare', 'util-linux'],
  ['mount', 'mount'],
  ['flock', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['libvirtd', 'libvirt-daemon-system'],
  ['virtlogd', 'libvirt-daemon-system'],
  ['virsh', 'libvirt-clients'],
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['qemu-img', 'qemu-utils'],
  ['sshd', 'openssh-server'],
  ['ssh', 'openssh-client'],
  ['ssh-keygen', 'openssh-client'],
  ['nc', 'netcat-openbsd'],
];

/** Refuses a machine on which the lab cannot run, before anything of it is made. */
export async function checkMachine(signal: AbortSignal): Promise<void> {
  requireRoot('bring up a lab');
  requirePrograms(SYSTEM_PATH.split(':'));
  const netcat = await tryRun('nc', ['-h'], { signal });
  if (!`${netcat.stdout}${netcat.stderr}`.includes('-N')) {
    throw new LabError(
      'The nc of this machine has no option -N, which ends a connection when its input ends.',
      'Run: apt-get install netcat-openbsd',
    );
  }
  if (!existsSync('/dev/net/tun')) {
    throw new LabError(
      '/dev/net/tun is missing: virtual machines get their network through it.',
      'Run: modprobe tun. In a container, give it that device.',
    );
  }
}

/** Refuses a machine that has not all of the programs in these folders, with the packages to install. */
export function requirePrograms(folders: readonly string[]): void {
  const missing = PROGRAMS.filter(([program]) => !isInstalled(program, folders));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, debianPackage]) => debianPackage))];
  throw new LabError(
    `Programs that the lab needs are missing: ${missing.map(([program]) => program).join(', ')}.`,
    `Run: apt-get install --no-install-recommends ${packages.join(' ')}`,
  );
}

/** The lab makes namespaces, which takes root. */
export function requireRoot(purpose: string): void {
  if (process.getuid?.() === 0) return;
  throw new LabError(`Only root can ${purpose}: it consists of namespaces.`, 'Run this again with sudo.');
}

function isInstalled(program: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

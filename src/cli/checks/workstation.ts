import { existsSync, statfsSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import path from 'node:path';
import { type KvmVerdict, probeKvm } from '#lab/kvm-probe.ts';
import { cacheDirectory, type Environment } from '#lib/config.ts';
import type { Settings } from '../settings.ts';
import { type Check, failed, passed, warned } from './check.ts';

const GIB = 1024 ** 3;
const LAB_MEMORY_GIB = 6;
const LEAST_DISK_GIB = 1;
const LAB_DISK_GIB = 10;

/** What a fleet is set up with from here, and what a lab needs besides. */
const TOOLS: readonly { readonly program: string; readonly package: string; readonly lab?: true }[] = [
  { program: 'ansible-playbook', package: 'ansible' },
  { program: 'ip', package: 'iproute2', lab: true },
  { program: 'nc', package: 'netcat-openbsd', lab: true },
  { program: 'sshd', package: 'openssh-server', lab: true },
  { program: 'virsh', package: 'libvirt-clients', lab: true },
  { program: 'libvirtd', package: 'libvirt-daemon-system', lab: true },
  { program: 'qemu-system-x86_64', package: 'qemu-system-x86', lab: true },
  { program: 'qemu-img', package: 'qemu-utils', lab: true },
  { program: 'mmdebstrap', package: 'mmdebstrap', lab: true },
];

/** Whether this machine can reach a fleet, set one up, and hold a lab. Only the first is asked of everybody. */
export async function workstationChecks({ env, stateDir }: Settings, signal: AbortSignal): Promise<Check[]> {
  const hasLab = existsSync(path.join(stateDir, 'lab'));
  return [
    userCheck(hasLab),
    kvmCheck(await probeKvm({ cacheDir: cacheDirectory(env), signal })),
    sshCheck(env),
    ...toolChecks(env, hasLab),
    memoryCheck(),
    diskCheck('disk', stateDir),
    diskCheck('disk of the cache', cacheDirectory(env)),
  ];
}

function userCheck(hasLab: boolean): Check {
  const name = 'root';
  if (process.getuid?.() === 0) return passed(name, 'you are root');
  return hasLab
    ? failed(name, 'you are not root, and the lab of this state directory is', 'Call olympus with sudo.')
    : warned(name, 'you are not root', 'A lab on this machine needs it: sudo olympus lab up');
}

function kvmCheck({ usable, reason }: KvmVerdict): Check {
  if (usable) return passed('kvm', reason);
  return warned(
    'kvm',
    reason,
    'Without it a lab here emulates its machines, which takes about ten times longer. Turn on virtualisation in the firmware, or nesting at the provider.',
  );
}

function sshCheck(env: Environment): Check {
  if (findProgram('ssh', env)) return passed('ssh', 'installed');
  return failed('ssh', 'there is no ssh program', 'Install it: apt-get install openssh-client');
}

/** What is missing costs nothing until it is wanted, unless a lab is here. */
function toolChecks(env: Environment, hasLab: boolean): Check[] {
  const groups = [
    { name: 'ansible', what: 'to set a fleet up', must: hasLab, tools: TOOLS.filter(({ lab }) => !lab) },
    { name: 'lab tools', what: 'for a lab', must: hasLab, tools: TOOLS.filter(({ lab }) => lab) },
  ];
  return groups.map(({ name, what, must, tools }) => {
    const missing = tools.filter(({ program }) => !findProgram(program, env));
    if (missing.length === 0) return passed(name, 'installed');
    const report = must ? failed : warned;
    return report(
      name,
      `missing ${what}: ${missing.map(({ program }) => program).join(', ')}`,
      `apt-get install ${missing.map((tool) => tool.package).join(' ')}`,
    );
  });
}

function findProgram(name: string, env: Environment): boolean {
  const folders = [...(env['PATH'] ?? '').split(':').filter(Boolean), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(path.join(folder, name)));
}

function memoryCheck(): Check {
  const what = `${(totalmem() / GIB).toFixed(1)} GiB, ${(freemem() / GIB).toFixed(1)} free`;
  if (totalmem() / GIB >= LAB_MEMORY_GIB) return passed('memory', what);
  return warned('memory', what, `A lab needs ${LAB_MEMORY_GIB} GiB.`);
}

function diskCheck(name: string, dir: string): Check {
  let there = dir;
  while (!existsSync(there)) there = path.dirname(there);
  const { bavail, bsize } = statfsSync(there);
  const freeGib = (bavail * bsize) / GIB;
  const what = `${freeGib.toFixed(1)} GiB free in ${dir}`;
  if (freeGib < LEAST_DISK_GIB) {
    return failed(
      name,
      `only ${what}`,
      'Make room, or choose another disk with OLYMPUS_STATE_DIR and OLYMPUS_CACHE_DIR.',
    );
  }
  if (freeGib < LAB_DISK_GIB) return warned(name, what, `A lab wants ${LAB_DISK_GIB} GiB.`);
  return passed(name, what);
}

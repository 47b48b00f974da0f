import { runCommand } from '../command.ts';
import type { Step } from '../machine/step.ts';

/** Each lets the guest use a disk that has grown under it; at its next boot it would do so by itself. */
const SCRIPTS = {
  'grow-root':
    'cloud-init single --name growpart --frequency always && cloud-init single --name resizefs --frequency always',
  'grow-data': 'resize2fs /dev/disk/by-id/virtio-data',
} as const;

export interface GrowInsideOptions {
  readonly machine: string;
  readonly sshConfig: string;
  readonly signal: AbortSignal;
}

/** Grows the file systems of a machine that kept running while its disks grew. */
export async function growInside(steps: readonly Step[], options: GrowInsideOptions): Promise<void> {
  if (steps.some(({ kind }) => kind === 'start')) return;
  for (const { kind } of steps) {
    if (kind !== 'grow-root' && kind !== 'grow-data') continue;
    const { machine, sshConfig, signal } = options;
    const command = `sudo -n sh -c '${SCRIPTS[kind]}'`;
    const args = ['-F', sshConfig, '-o', 'BatchMode=yes', '--', machine, command];
    const { code, stderr } = await runCommand('ssh', args, { signal, timeoutMs: 180_000 });
    if (code === 0) continue;
    throw new Error(
      `the disk has grown, but the file system of ${machine} has not: ${stderr.trim().split('\n').at(-1)}. It does at the next boot.`,
    );
  }
}

import { runCommand } from '../command.ts';

/** Each lets the guest use a disk that has grown under it; at its next boot it would do so by itself. */
const SCRIPTS = {
  root: 'cloud-init single --name growpart --frequency always && cloud-init single --name resizefs --frequency always',
  data: 'resize2fs /dev/disk/by-id/virtio-data',
} as const;

const TIMEOUT_MS = 180_000;

/** Grows a file system of a machine that kept running while its disk grew. */
export async function growInside(
  machine: string,
  disk: keyof typeof SCRIPTS,
  { sshConfig, signal }: { readonly sshConfig: string; readonly signal: AbortSignal },
): Promise<void> {
  const command = `sudo -n sh -c '${SCRIPTS[disk]}'`;
  const args = ['-F', sshConfig, '-o', 'BatchMode=yes', '--', machine, command];
  const { code, stderr } = await runCommand('ssh', args, { signal, timeoutMs: TIMEOUT_MS });
  if (code === 0) return;
  const reason = stderr.trim().split('\n').at(-1);
  throw new Error(
    `the ${disk} disk has grown, but its file system has not (${reason}); it will at the next boot of ${machine}`,
  );
}

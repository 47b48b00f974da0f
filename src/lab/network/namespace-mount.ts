import { existsSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tryRun } from '../run.ts';
import { NAMESPACE_DIR } from './namespace.ts';

/** Beside the folder that `ip netns` makes and mounts: says which lab found what, so that the last one tidies up. */
const NOTE = '/run/olympus-netns';

/** Notes down that this machine had no folder of namespaces, or one that was not mounted yet. */
export function noteNamespaceMount(): void {
  if (isMounted()) return;
  writeFileSync(NOTE, existsSync(NAMESPACE_DIR) ? 'mount\n' : 'mount folder\n', { mode: 0o600 });
}

/**
 * Takes away what `ip netns add` leaves on a machine that never had a namespace, once the last one is gone. The
 * kernel refuses (busy) while anybody has a namespace there, so nobody's is lost.
 */
export async function tidyNamespaceMount(signal: AbortSignal): Promise<void> {
  if (!existsSync(NOTE)) return;
  const made = readFileSync(NOTE, 'utf8');
  if (isMounted() && !(await tryRun('umount', [NAMESPACE_DIR], { signal })).ok) return;
  rmSync(NOTE, { force: true });
  if (!made.includes('folder')) return;
  try {
    rmdirSync(NAMESPACE_DIR);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EBUSY') throw error;
  }
}

function isMounted(): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === NAMESPACE_DIR);
}

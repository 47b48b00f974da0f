import { closeSync, fstatSync, openSync, rmSync, statSync } from 'node:fs';
import { lockFile } from '#lib/file-lock.ts';
import type { LabNames } from './lab-names.ts';
import { requireRoot } from './preflight.ts';

export interface LabLock extends AsyncDisposable {
  /** Takes the lock's file away, for a lab that is gone; the lock holds on until it is disposed. */
  removeFile(): void;
}

/**
 * Waits until nobody else changes this lab, and keeps others out until disposed; a holder that is killed holds
 * nothing. The file is in /run because `lab down` leaves nothing of the lab in the state directory.
 */
export async function lockLab(names: LabNames, signal: AbortSignal): Promise<LabLock> {
  requireRoot('change a lab');
  const file = `/run/olympus-lab-${names.id}.lock`;
  while (true) {
    const inode = touch(file);
    const lock = await lockFile(file, signal);
    if (inodeOf(file) === inode) {
      return {
        removeFile: () => rmSync(file, { force: true }),
        [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
      };
    }
    // The one before us took the lab down, and the file with it: what we hold is the lock of nothing.
    await lock[Symbol.asyncDispose]();
  }
}

function touch(file: string): number {
  const descriptor = openSync(file, 'a', 0o600);
  try {
    return fstatSync(descriptor).ino;
  } finally {
    closeSync(descriptor);
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino;
}

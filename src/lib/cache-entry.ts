import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { lockFile } from './file-lock.ts';
import type { OnProgress } from './tool-error.ts';

const UNFINISHED = '.unfinished-';
/** Retries: a command of a maker that was killed may still be writing there for a moment. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 200 };

export interface CacheEntryOptions {
  /** The tool's own folder in the cache. */
  readonly folder: string;
  /** The finished entry, when there is one. Asked again once the lock is held. */
  readonly find: () => Promise<string | undefined>;
  /** Fills `workDir` and returns the entry's final name and which folder under `workDir` it is. */
  readonly make: (workDir: string) => Promise<{ name: string; contents: string }>;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/**
 * Returns a finished folder of the cache, making it first if need be.
 *
 * INVARIANTS
 * - an entry is made in a scratch folder beside it and renamed: what is there under its final name is whole;
 * - one process makes it and the others wait; scratch folders of killed processes are swept by the next maker.
 */
export async function ensureCacheEntry(options: CacheEntryOptions): Promise<string> {
  const { folder, find, make, signal, onProgress } = options;
  const ready = await find();
  if (ready) return ready;

  await mkdir(folder, { recursive: true });
  const waiting = setTimeout(() => onProgress(`waiting for another process that fills ${folder}`), 1000);
  await using _lock = await lockFile(path.join(folder, '.lock'), signal).finally(() => clearTimeout(waiting));
  const madeMeanwhile = await find();
  if (madeMeanwhile) return madeMeanwhile;

  await sweep(folder);
  const workDir = path.join(folder, UNFINISHED + randomBytes(6).toString('hex'));
  await mkdir(workDir);
  try {
    const { name, contents } = await make(workDir);
    const final = path.join(folder, name);
    await rm(final, REMOVE); // only a damaged entry can be here: `find` did not want it
    await rename(path.join(workDir, contents), final);
    return final;
  } finally {
    await rm(workDir, REMOVE);
  }
}

async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED)) await rm(path.join(folder, name), REMOVE);
  }
}

import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** Writes a file whole or not at all, unless it says the same already; whether it had to. */
export function writeIfChanged(file: string, content: string, mode: number): boolean {
  if (readIfThere(file) === content && (statSync(file).mode & 0o777) === mode) return false;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const scratch = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    writeFileSync(scratch, content, { mode, flag: 'wx' });
    renameSync(scratch, file);
  } finally {
    rmSync(scratch, { force: true });
  }
  return true;
}

const SCRATCH = '.scratch-';
const ABANDONED_AFTER_MS = 10 * 60_000;

/** Runs `work` with a private folder in `dir` that is removed afterwards; what killed processes left goes too. */
export async function withScratchFolder<T>(dir: string, work: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(dir)) {
    const folder = path.join(dir, name);
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (name.startsWith(SCRATCH) && age > ABANDONED_AFTER_MS)
      rmSync(folder, { recursive: true, force: true });
  }
  const folder = mkdtempSync(path.join(dir, SCRATCH));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The text of a file; undefined when there is none. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

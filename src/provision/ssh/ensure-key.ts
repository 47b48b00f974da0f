import { linkSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../command.ts';
import { readIfThere, withScratchFolder, writeIfChanged } from '../files.ts';

/**
 * Makes a key pair where there is none, and answers whether it did. The private half decides, and the public one
 * follows from it: two that make the same key agree on one.
 */
export async function ensureKey(file: string, comment: string, signal: AbortSignal): Promise<boolean> {
  if (readIfThere(file) !== undefined && readIfThere(`${file}.pub`) !== undefined) return false;
  const folder = path.dirname(file);
  return withScratchFolder(folder, async (scratch) => {
    const pair = path.join(scratch, 'key');
    if (readIfThere(file) === undefined) {
      await keygen(['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', pair], signal);
      takeUnlessThere(pair, file);
    }
    const publicKey = await keygen(['-y', '-f', file], signal);
    writeIfChanged(`${file}.pub`, `${publicKey.trim()}\n`, 0o644);
    return true;
  });
}

/** A link fails where a file is already: then somebody else was faster, and theirs counts. */
function takeUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

async function keygen(args: readonly string[], signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await runCommand('ssh-keygen', args, { signal, timeoutMs: 60_000 });
  if (code !== 0)
    throw new Error(`ssh-keygen could not make a key: ${stderr.trim() || `exit code ${code}`}.`);
  return stdout;
}

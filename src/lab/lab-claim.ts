import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { LabNames } from './lab-names.ts';
import { writePrivateFile } from './local/secrets.ts';

/** What bringing up a lab puts into the state directory, besides `lab/` itself. */
const LAB_MADE = ['ssh', 'secrets.yml', 'vault-password', '.env', 'logs', 'tmp'];

const Claim = z.object({
  /** What was there before the lab, and stays when it goes. */
  kept: z.array(z.string()),
  /** The topmost folder that had to be made for the state directory. */
  madeFolder: z.string().optional(),
});

/**
 * Makes the state directory, and notes what it held before the lab came: that is not the lab's to remove. To be
 * called before anything else of the lab is written there. The second call changes nothing.
 */
export function claimStateDir(names: LabNames): void {
  const file = claimFile(names);
  if (existsSync(file)) return;
  const before = existsSync(names.stateDir) ? readdirSync(names.stateDir) : [];
  const madeFolder = mkdirSync(names.dir, { recursive: true, mode: 0o700 });
  const outside = madeFolder !== undefined && madeFolder !== names.dir;
  const kept = before.filter((name) => LAB_MADE.includes(name));
  writePrivateFile(file, JSON.stringify({ kept, ...(outside ? { madeFolder } : {}) }));
}

/**
 * Removes from the state directory what the lab made, its folder last, and the directory itself where the lab made
 * it and nothing else is in it. Resolves with what was left because it was there before, or because no note says.
 */
export function removeClaimed(names: LabNames): { readonly kept: readonly string[] } {
  const claim = readClaim(names);
  const kept = claim?.kept ?? LAB_MADE.filter((name) => existsSync(path.join(names.stateDir, name)));
  rmSync(sshConfigFile(names), { force: true });
  removeIfEmpty(path.dirname(sshConfigFile(names)));
  for (const name of LAB_MADE.filter((each) => !kept.includes(each))) {
    rmSync(path.join(names.stateDir, name), { recursive: true, force: true });
  }
  rmSync(names.dir, { recursive: true, force: true });
  if (claim?.madeFolder !== undefined) removeUpTo(names.stateDir, claim.madeFolder);
  return { kept };
}

/** The piece of ssh configuration that leads into the lab. */
export function sshConfigFile(names: LabNames): string {
  return path.join(names.stateDir, 'ssh', 'config.d', 'lab.conf');
}

function readClaim(names: LabNames): z.infer<typeof Claim> | undefined {
  try {
    return Claim.parse(JSON.parse(readFileSync(claimFile(names), 'utf8')));
  } catch {
    return undefined; // Without a note nothing is known to be the lab's, so nothing is removed.
  }
}

function claimFile(names: LabNames): string {
  return path.join(names.dir, 'claim.json');
}

function removeUpTo(from: string, topmost: string): void {
  for (let folder = from; folder.startsWith(topmost); folder = path.dirname(folder)) {
    if (!removeIfEmpty(folder)) return;
  }
}

function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY') return false;
    throw error;
  }
}

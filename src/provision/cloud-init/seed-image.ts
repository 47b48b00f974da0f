import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ProgramMissing, runCommand } from '../command.ts';
import { withScratchFolder } from '../files.ts';
import type { Seed } from './seed.ts';

/** Programs that make an ISO 9660 image, and how each is called. */
const MAKERS = [
  { program: 'xorriso', args: ['-as', 'mkisofs'] },
  { program: 'genisoimage', args: [] },
  { program: 'mkisofs', args: [] },
] as const;

/** The seed as a disk image that cloud-init finds by its label. It exists as a file only while it is made, in `scratchDir`. */
export async function makeSeedImage(
  seed: Seed,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return withScratchFolder(scratchDir, async (folder) => {
    const names = ['user-data', 'meta-data', 'network-config'] as const;
    for (const name of names) writeFileSync(path.join(folder, name), seed[name], { mode: 0o600 });
    // Padding (300 KiB) is for drives that read ahead, which a virtual disk does not.
    const args = [
      '-quiet',
      '-no-pad',
      '-volid',
      'cidata',
      '-joliet',
      '-rock',
      '-output',
      'seed.iso',
      ...names,
    ];
    await runMaker(args, folder, signal);
    return readFileSync(path.join(folder, 'seed.iso'));
  });
}

async function runMaker(args: readonly string[], cwd: string, signal: AbortSignal): Promise<void> {
  for (const maker of MAKERS) {
    try {
      const options = { signal, timeoutMs: 60_000, cwd };
      const { code, stderr } = await runCommand(maker.program, [...maker.args, ...args], options);
      if (code === 0) return;
      throw new Error(`${maker.program} could not make the seed: ${stderr.trim() || `exit code ${code}`}.`);
    } catch (error) {
      if (!(error instanceof ProgramMissing)) throw error;
    }
  }
  throw new ProgramMissing('xorriso');
}

import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readIfThere, writeIfChanged } from '#provision/files.ts';
import type { LabNames } from '../lab-names.ts';

const Finished = z.object({ digest: z.string(), agents: z.array(z.string()) });

/** What decides how the machines of a lab are set up: folders of the checkout, and what was built for it. */
export interface Wanted {
  readonly root: string;
  readonly imageSha256: string;
  /** Whatever else machines are told: addresses of providers, the kind of virtualisation. */
  readonly words: readonly string[];
}

const SOURCES = ['ansible', 'inventory/lab', 'cloud-init', 'agents', 'src', 'package-lock.json'];

/** The same for the same content; any change of what reaches a machine changes it. */
export function wantedDigest({ root, imageSha256, words }: Wanted): string {
  const hash = createHash('sha256').update(JSON.stringify([imageSha256, ...words]));
  for (const source of SOURCES) addTree(hash, root, source);
  return hash.digest('hex');
}

/** The agents that were set up with exactly this. */
export function agentsSetUp(names: LabNames, digest: string): readonly string[] {
  const text = readIfThere(finishedFile(names));
  const parsed = text === undefined ? undefined : Finished.safeParse(JSON.parse(text));
  return parsed?.success && parsed.data.digest === digest ? parsed.data.agents : [];
}

/** Notes that these agents were set up with this. */
export function noteSetUp(names: LabNames, digest: string, agents: readonly string[]): void {
  const all = [...new Set([...agentsSetUp(names, digest), ...agents])].toSorted();
  writeIfChanged(finishedFile(names), `${JSON.stringify({ digest, agents: all })}\n`, 0o600);
}

function finishedFile(names: LabNames): string {
  return path.join(names.dir, 'finished.json');
}

/** Python leaves its compiled plugins beside them: they say nothing new. */
const NOT_CONTENT = '__pycache__';

function addTree(hash: Hash, root: string, relative: string): void {
  const file = path.join(root, relative);
  if (path.basename(relative) === NOT_CONTENT) return;
  if (statSync(file).isDirectory()) {
    for (const name of readdirSync(file).toSorted()) addTree(hash, root, path.join(relative, name));
    return;
  }
  hash.update(`${relative}\0`).update(readFileSync(file)).update('\0');
}

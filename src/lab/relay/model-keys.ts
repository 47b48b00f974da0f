import { createHash } from 'node:crypto';
import path from 'node:path';
import { readIfThere, writeIfChanged } from '#provision/files.ts';
import type { LabNames } from '../lab-names.ts';

/** Where the keys are listed that the relay lets through: a line of `<sha256> <agent>` each, never a key itself. */
export function modelKeysFile(names: LabNames): string {
  return path.join(names.dir, 'model-keys');
}

/** Lets exactly these agents through, each with its own key; whether that changed anything. Holds from the next call. */
export function writeModelKeys(names: LabNames, keys: Readonly<Record<string, string>>): boolean {
  const lines = Object.entries(keys).map(([agent, key]) => `${digestOf(key)} ${agent}\n`);
  return writeIfChanged(modelKeysFile(names), lines.toSorted().join(''), 0o600);
}

/** The agent whose key this is; undefined for a key that is not listed. */
export function agentOfKey(keysFile: string, key: string): string | undefined {
  const digest = digestOf(key);
  const line = (readIfThere(keysFile) ?? '').split('\n').find((each) => each.startsWith(`${digest} `));
  return line?.slice(digest.length + 1);
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

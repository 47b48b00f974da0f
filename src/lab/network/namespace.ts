import { existsSync, statfsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { LabError } from '../lab-error.ts';
import { type ProcessRecord, recordOf } from '../process-record.ts';
import { run, tryRun } from '../run.ts';
import { readLinks } from './links.ts';

export const NAMESPACE_DIR = '/run/netns';

/** From linux/magic.h: what a namespace's file is, and an empty file left by a reboot is not. */
const NSFS_MAGIC = 0x6e_73_66_73;

/**
 * The network namespace of this name, made when it is not there. It carries `mark` as the alias of its loopback
 * device; one that carries something else belongs to somebody else and is refused.
 */
export async function ensureNamespace(name: string, mark: string, signal: AbortSignal): Promise<void> {
  const owner = await namespaceOwner(name, mark, signal);
  if (owner === 'foreign') throw foreignNamespace(name);
  if (owner === 'ours') return;
  if (owner === 'stale') await run('ip', ['netns', 'delete', name], { signal });
  if (owner !== 'unmarked') await run('ip', ['netns', 'add', name], { signal });
  await run('ip', ['-n', name, 'link', 'set', 'dev', 'lo', 'up', 'alias', mark], { signal });
}

/**
 * Whose a namespace is. `stale` is only a name: its namespace ended with an earlier boot. `unmarked` is one in which
 * nothing has happened yet, as an interrupted start leaves it.
 */
export async function namespaceOwner(
  name: string,
  mark: string,
  signal: AbortSignal,
): Promise<'absent' | 'stale' | 'unmarked' | 'ours' | 'foreign'> {
  const file = path.join(NAMESPACE_DIR, name);
  if (!existsSync(file)) return 'absent';
  if (statfsSync(file).type !== NSFS_MAGIC) return 'stale';
  const links = await readLinks(name, signal);
  const alias = links.find((link) => link.name === 'lo')?.alias;
  if (alias !== undefined) return alias === mark ? 'ours' : 'foreign';
  const untouched = links.length <= 1 && (await namespaceProcesses(name, signal)).length === 0;
  return untouched ? 'unmarked' : 'foreign';
}

/** The processes that live in a namespace, whoever started them. */
export async function namespaceProcesses(name: string, signal: AbortSignal): Promise<ProcessRecord[]> {
  const { ok, stdout } = await tryRun('ip', ['netns', 'pids', name], { signal });
  if (!ok) return [];
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((pid) => recordOf(Number(pid)) ?? []);
}

/** Removes the name of a namespace; the namespace ends with its last process. */
export async function removeNamespace(name: string, signal: AbortSignal): Promise<void> {
  await run('ip', ['netns', 'delete', name], { signal });
}

/** The names of all namespaces that begin with `prefix`. */
export async function namespacesNamed(prefix: string): Promise<string[]> {
  const names = await readdir(NAMESPACE_DIR).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).toSorted();
}

function foreignNamespace(name: string): LabError {
  return new LabError(
    `There is a network namespace ${name} already, and this lab did not make it.`,
    `See what lives in it with \`ip netns pids ${name}\`; remove it with \`ip netns delete ${name}\`, or give the lab another OLYMPUS_STATE_DIR.`,
  );
}

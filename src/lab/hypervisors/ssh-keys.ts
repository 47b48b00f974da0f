import { readFileSync } from 'node:fs';
import { readIfThere, writeIfChanged } from '#provision/files.ts';
import { ensureKey } from '#provision/ssh/ensure-key.ts';
import { sshFiles } from '#provision/ssh/ssh-files.ts';
import type { HypervisorPlan } from './hypervisor-plan.ts';

/**
 * Makes the keys that are missing, the control node's and each hypervisor's, and has the hypervisors in
 * `known_hosts`. What is there is not changed.
 */
export async function ensureSshKeys(
  stateDir: string,
  hypervisors: readonly HypervisorPlan[],
  signal: AbortSignal,
): Promise<void> {
  const files = sshFiles(stateDir);
  await ensureKey(files.controlKey, 'olympus', signal);
  for (const { name } of hypervisors) await ensureKey(files.hostKey(name), name, signal);
  const before = readIfThere(files.knownHosts) ?? '';
  const keys = hypervisors.map((each) => ({
    ...each,
    publicKey: readFileSync(`${files.hostKey(each.name)}.pub`, 'utf8'),
  }));
  writeIfChanged(files.knownHosts, withHypervisors(before, keys), 0o600);
}

/** known_hosts with the hypervisors' keys and no other ones for them. Lines that are right stay where they are. */
export function withHypervisors(
  before: string,
  hypervisors: readonly (HypervisorPlan & { readonly publicKey: string })[],
): string {
  const wanted = hypervisors.map(({ name, address, publicKey }) => {
    const [type, key] = publicKey.split(' ');
    return `${name},${address} ${type} ${key}`;
  });
  const names = new Set(hypervisors.flatMap(({ name, address }) => [name, address]));
  const isAbout = (line: string): boolean =>
    (line.split(' ')[0] ?? '').split(',').some((name) => names.has(name));
  const kept = before.split('\n').filter((line) => line !== '' && (wanted.includes(line) || !isAbout(line)));
  const missing = wanted.filter((line) => !kept.includes(line));
  return [...missing, ...kept, ''].join('\n');
}

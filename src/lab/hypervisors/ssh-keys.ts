import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writePrivateFile } from '../local/secrets.ts';
import { run } from '../run.ts';
import type { HypervisorPlan } from './hypervisor-plan.ts';

/** The control node's own key: it opens the hypervisors and the machines. */
export function controlKeyFile(stateDir: string): string {
  return path.join(stateDir, 'ssh', 'id_ed25519');
}

/** The key by which a hypervisor is known. */
export function hostKeyFile(stateDir: string, host: string): string {
  return path.join(stateDir, 'ssh', 'host-keys', host, 'ssh_host_ed25519_key');
}

/** The list of host keys that ssh is given. */
export function knownHostsFile(stateDir: string): string {
  return path.join(stateDir, 'ssh', 'known_hosts');
}

/** Makes the keys that are missing, and has the hypervisors' keys in `known_hosts`. May run again and again. */
export async function ensureSshKeys(
  stateDir: string,
  hypervisors: readonly HypervisorPlan[],
  signal: AbortSignal,
): Promise<void> {
  await ensureKey(controlKeyFile(stateDir), 'olympus', signal);
  for (const { name } of hypervisors) await ensureKey(hostKeyFile(stateDir, name), name, signal);
  trustHypervisors(stateDir, hypervisors);
}

async function ensureKey(file: string, comment: string, signal: AbortSignal): Promise<void> {
  if (existsSync(file) && existsSync(`${file}.pub`)) return;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  // A private key without its public half is a start that was interrupted; ssh-keygen would ask before it overwrites.
  const making = ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file];
  await run('ssh-keygen', making, { signal, input: 'y\n' });
}

function trustHypervisors(stateDir: string, hypervisors: readonly HypervisorPlan[]): void {
  const file = knownHostsFile(stateDir);
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const names = new Set(hypervisors.flatMap(({ name, address }) => [name, address]));
  const others = before.split('\n').filter((line) => line !== '' && !isAbout(line, names));
  const ours = hypervisors.map(({ name, address }) => {
    const [type, key] = readFileSync(`${hostKeyFile(stateDir, name)}.pub`, 'utf8').split(' ');
    return `${name},${address} ${type} ${key}`;
  });
  const after = `${[...others, ...ours].toSorted().join('\n')}\n`;
  if (after !== before) writePrivateFile(file, after);
}

function isAbout(line: string, names: ReadonlySet<string>): boolean {
  return (line.split(' ')[0] ?? '').split(',').some((name) => names.has(name));
}

import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readIfThere, writeIfChanged } from '../files.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { ensureKey } from './ensure-key.ts';
import { renderKnownHosts, renderSshConfig } from './ssh-config.ts';
import { type SshFiles, sshFiles } from './ssh-files.ts';

/**
 * Makes what SSH into the fleet needs, where it is missing: the control node's key, a host key for every machine,
 * `known_hosts` and the configuration. Keys that exist are never changed, so running it again changes nothing.
 */
export async function prepareSsh(
  inventory: Inventory,
  stateDir: string,
  signal: AbortSignal,
): Promise<{ changed: boolean; files: SshFiles }> {
  const files = sshFiles(stateDir);
  mkdirSync(path.join(files.folder, 'config.d'), { recursive: true, mode: 0o700 });
  const made = [await ensureKey(files.controlKey, `olympus@${inventory.fleet}`, signal)];
  for (const { name } of inventory.machines) {
    made.push(await ensureKey(files.hostKey(name), name, signal));
  }
  const keys = inventory.machines.map(({ name }) => ({ name, publicKey: publicKeyOf(files.hostKey(name)) }));
  const knownHosts = renderKnownHosts(readIfThere(files.knownHosts) ?? '', keys);
  const written = [
    writeIfChanged(files.knownHosts, knownHosts, 0o600),
    writeIfChanged(files.config, renderSshConfig(inventory, files), 0o600),
  ];
  return { changed: [...made, ...written].includes(true), files };
}

/** The public half of a key: `ssh-ed25519 AAAA… comment`. */
export function publicKeyOf(privateKeyFile: string): string {
  return readFileSync(`${privateKeyFile}.pub`, 'utf8').trim();
}

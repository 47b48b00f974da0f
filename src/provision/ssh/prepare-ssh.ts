import { linkSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../command.ts';
import { readIfThere, withScratchFolder, writeIfChanged } from '../files.ts';
import type { Inventory } from '../inventory/inventory.ts';
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

/** The private half decides, and the public one follows from it: two that make the same key agree on one. */
async function ensureKey(file: string, comment: string, signal: AbortSignal): Promise<boolean> {
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

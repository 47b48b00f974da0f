import path from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Environment } from '#lib/config.ts';
import { readIfThere, writeIfChanged } from '../files.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { completeSecrets } from './fleet-secrets.ts';
import { openVault } from './vault.ts';

export interface InitOptions {
  /** The encrypted file. */
  readonly file: string;
  readonly stateDir: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface InitResult {
  readonly changed: boolean;
  readonly added: readonly string[];
  readonly notes: readonly string[];
  readonly passwordFile: string;
}

/** Makes or completes the encrypted secrets of a fleet; running it again changes nothing. */
export async function initSecrets(inventory: Inventory, options: InitOptions): Promise<InitResult> {
  const { file, stateDir, env, clock, signal } = options;
  const vault = openVault({ stateDir, env });
  const { passwordFile, passwordMade } = vault;
  const before = readIfThere(file) === undefined ? '' : await vault.decrypt(file, signal);
  const { text, added, notes } = await completeSecrets(before, inventory, {
    scratchDir: path.join(stateDir, 'tmp'),
    nowMs: clock.now(),
    signal,
  });
  if (added.length > 0) writeIfChanged(file, await vault.encrypt(text, signal), 0o600);
  return { changed: passwordMade || added.length > 0, added, notes, passwordFile };
}

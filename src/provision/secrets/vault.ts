import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '#lib/config.ts';
import { newNonce } from '#lib/id.ts';
import { runCommand } from '../command.ts';
import { readIfThere } from '../files.ts';

/** The encrypted file cannot be read or written: a sentence about what is wrong, and one about what to do. */
export class VaultError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'VaultError';
    this.remedy = remedy;
  }
}

/** Encrypts and decrypts as Ansible Vault does; what is secret goes through pipes only. */
export interface Vault {
  readonly passwordFile: string;
  decrypt(file: string, signal: AbortSignal): Promise<string>;
  encrypt(text: string, signal: AbortSignal): Promise<string>;
}

export interface VaultOptions {
  readonly stateDir: string;
  readonly env: Environment;
}

const TIMEOUT_MS = 120_000;
const HEADER = '$ANSIBLE_VAULT;';

/** The vault of this control node; makes its password where there is none yet, unless the person names a file. */
export function openVault({ stateDir, env }: VaultOptions): Vault & { readonly passwordMade: boolean } {
  const given = env['OLYMPUS_VAULT_PASSWORD_FILE'];
  const passwordFile = given ? path.resolve(given) : path.join(stateDir, 'vault-password');
  const passwordMade = ensurePassword(passwordFile, given !== undefined);
  const call = (action: 'decrypt' | 'encrypt', input: string, signal: AbortSignal) =>
    runCommand('ansible-vault', [action, '--output', '-'], {
      signal,
      timeoutMs: TIMEOUT_MS,
      input,
      env: { ...withoutAnsible(env), ANSIBLE_VAULT_PASSWORD_FILE: passwordFile },
      cwd: stateDir,
    });
  return {
    passwordFile,
    passwordMade,
    async decrypt(file, signal) {
      const text = readIfThere(file) ?? '';
      if (!text.startsWith(HEADER)) {
        throw new VaultError(
          `${file} is not encrypted.`,
          `Encrypt it first: ansible-vault encrypt --vault-password-file ${passwordFile} ${file}`,
        );
      }
      const { code, stdout, stderr } = await call('decrypt', text, signal);
      if (code === 0) return stdout;
      if (/Decryption failed/.test(stderr)) {
        throw new VaultError(
          `The vault password in ${passwordFile} does not open ${file}.`,
          'Put the password that the file was encrypted with there, or name its file in OLYMPUS_VAULT_PASSWORD_FILE.',
        );
      }
      throw vaultFailed(`ansible-vault could not decrypt ${file}`, stderr);
    },
    async encrypt(text, signal) {
      const { code, stdout, stderr } = await call('encrypt', text, signal);
      if (code !== 0 || !stdout.startsWith(HEADER))
        throw vaultFailed('ansible-vault could not encrypt', stderr);
      return stdout;
    },
  };
}

function ensurePassword(file: string, given: boolean): boolean {
  const password = readIfThere(file);
  if (password !== undefined && password.trim() !== '') return false;
  if (given) {
    throw new VaultError(
      `OLYMPUS_VAULT_PASSWORD_FILE names ${file}, which ${password === undefined ? 'is not there' : 'is empty'}.`,
      'Write the vault password there, with mode 0600.',
    );
  }
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${newNonce()}${newNonce()}\n`, { mode: 0o600 });
  return true;
}

/** Somebody's own settings of Ansible could name a second password, and the choice of key would be ambiguous. */
function withoutAnsible(env: Environment): Environment {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('ANSIBLE_'));
  return { ...Object.fromEntries(others), LC_ALL: 'C.UTF-8' };
}

function vaultFailed(what: string, stderr: string): VaultError {
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  return new VaultError(
    `${what}: ${reason || 'it did not say why'}.`,
    'Try the same with ansible-vault itself.',
  );
}

import type { Command } from 'commander';
import { initSecrets } from '#provision/secrets/init-secrets.ts';
import { VaultError } from '#provision/secrets/vault.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { inventoryOf, withInventory } from '../inventory-option.ts';

interface Options {
  readonly inventory: string;
  readonly file: string;
  readonly json?: boolean;
}

/** `olympus secrets init`: the keys, tokens and certificates of a fleet, encrypted by Ansible Vault. */
export function addSecretsInit(parent: Command, context: CliContext): void {
  const { out } = context;
  withInventory(parent.command('init'), context)
    .description('make the secrets that a fleet needs and does not have yet')
    .requiredOption('--file <file>', 'the encrypted file, made when it is not there')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Values that exist are never changed. The vault password is made in the state directory, or read from the file that
OLYMPUS_VAULT_PASSWORD_FILE names.

Examples:
  $ olympus secrets init --inventory inventory/example --file inventory/example/group_vars/all/vault.yml`,
    )
    .action(async ({ inventory: dir, file, json }: Options) => {
      const inventory = inventoryOf(dir);
      const { settings, clock, signal } = context;
      const { env, stateDir } = settings;
      try {
        const result = await initSecrets(inventory, { file, stateDir, env, clock, signal });
        for (const note of result.notes) out.note(note);
        if (json) out.json(result);
        else if (result.added.length === 0) out.print(`${file} has everything already.`);
        else {
          out.print(`${file}: added`);
          for (const name of result.added) out.print(`  ${name}`);
        }
      } catch (error) {
        if (error instanceof VaultError) throw new CliError(error.message, error.remedy, { cause: error });
        throw error;
      }
    });
}

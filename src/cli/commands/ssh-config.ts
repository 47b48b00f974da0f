import type { Command } from 'commander';
import { prepareSsh } from '#provision/ssh/prepare-ssh.ts';
import type { CliContext } from '../context.ts';
import { inventoryOf, withInventory } from '../inventory-option.ts';

/** `olympus ssh-config`: the one configuration that ssh, Ansible and Olympus share. */
export function addSshConfig(parent: Command, context: CliContext): void {
  const { out, settings, signal } = context;
  withInventory(parent.command('ssh-config'), context)
    .description('write the SSH configuration, keys and known_hosts of the fleet')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Keys are made once and never changed. Your own settings go into config.d/<name>.conf beside the file.

Examples:
  $ olympus ssh-config --inventory inventory/example
  $ ssh -F ~/.olympus/state/ssh/config athena`,
    )
    .action(async ({ inventory: dir, json }: { inventory: string; json?: boolean }) => {
      const { changed, files } = await prepareSsh(inventoryOf(dir), settings.stateDir, signal);
      if (json) out.json({ changed, config: files.config });
      else out.print(`${files.config} ${changed ? 'is written' : 'is as it should be'}.`);
    });
}

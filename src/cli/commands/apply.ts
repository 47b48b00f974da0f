import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { withInventory } from '../inventory-option.ts';
import { applyAndTell, collect } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly replace: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `olympus apply`: makes and mends machines, and waits until each is up. */
export function addApply(parent: Command, context: CliContext): void {
  withInventory(parent.command('apply'), context)
    .description('bring the machines to what the inventory says, and wait until they are up')
    .option('--machine <name>', 'only this machine; may be given several times', collect, [])
    .option('--replace <name>', 'give this machine a new root disk; its data disk stays', collect, [])
    .option('--dry-run', 'only show the steps, as plan does')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Exit code: 0 when every machine was seen to be up, 1 otherwise, with the machine, the phase it stopped at, the cause
and the last lines of its console. It may be run again at any time: it goes on where it was.

Examples:
  $ olympus apply --inventory inventory/example
  $ olympus apply --inventory inventory/example --machine athena --dry-run`,
    )
    .action(async ({ inventory, machine, replace, dryRun = false, json = false }: Options) => {
      await applyAndTell(context, inventory, { machines: machine, replace, dryRun }, json);
    });
}

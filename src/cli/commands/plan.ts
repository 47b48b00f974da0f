import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { withInventory } from '../inventory-option.ts';
import { applyAndTell, collect } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly replace: readonly string[];
  readonly json?: boolean;
}

/** `olympus plan`: what apply would do, and what that means for each machine. */
export function addPlan(parent: Command, context: CliContext): void {
  withInventory(parent.command('plan'), context)
    .description('show what apply would do to the machines, and touch nothing')
    .option('--machine <name>', 'only this machine; may be given several times', collect, [])
    .option('--replace <name>', 'as if this machine were to get a new root disk', collect, [])
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
A step is done in place, with a restart of the machine, or with a new root disk (replace); the latter only for
machines named with --replace. The data disk always stays.

Examples:
  $ olympus plan --inventory inventory/example
  $ olympus plan --inventory inventory/example --machine athena --json`,
    )
    .action(async ({ inventory, machine, replace, json = false }: Options) => {
      await applyAndTell(context, inventory, { machines: machine, replace, dryRun: true }, json);
    });
}

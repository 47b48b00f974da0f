import type { Command } from 'commander';
import { findingLine } from '#provision/inventory/finding.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { readOptions, withInventory } from '../inventory-option.ts';

/** `olympus inventory check`: everything that is wrong with an inventory, before anything is touched. */
export function addInventoryCheck(parent: Command, context: CliContext): void {
  const { out } = context;
  withInventory(parent.command('check'), context)
    .description('check an inventory: names, addresses, sizes, places, capacity')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Exit code: 0 when it can be used, 1 when something is wrong with it. A finding is file, line and column,
field, what is wrong, and what was probably meant.

Examples:
  $ olympus inventory check --inventory inventory/example
  $ olympus inventory check --inventory inventory/example --json | jq -r '.findings[].message'`,
    )
    .action(({ inventory: dir, json }: { inventory: string; json?: boolean }) => {
      const { inventory, findings } = checkInventory(dir, readOptions());
      if (!inventory) context.exitWith(exitCodes.failed);
      if (json) {
        out.json({ ok: inventory !== undefined, findings });
        return;
      }
      for (const finding of findings) {
        const sign = finding.severity === 'error' ? out.style('red', '✗') : out.style('yellow', '!');
        out.print(`${sign} ${findingLine(finding)}`);
      }
      if (!inventory) return;
      const { fleet, hypervisors, machines } = inventory;
      out.print(
        `${out.style('green', '✓')} ${dir}: fleet ${fleet}, ${machines.length} machines on ${hypervisors.length} hypervisors.`,
      );
    });
}

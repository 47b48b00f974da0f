import path from 'node:path';
import { type Command, Option } from 'commander';
import { findingLine, InventoryError } from '#provision/inventory/finding.ts';
import type { Inventory } from '#provision/inventory/inventory.ts';
import { type ReadOptions, readInventory } from '#provision/inventory/read-inventory.ts';
import { roleVariables } from '#provision/inventory/role-variables.ts';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';

/** The checkout that this command belongs to. */
export const ROOT = path.resolve(import.meta.dirname, '../..');

/** Adds `--inventory`, which everything that works on machines needs; OLYMPUS_INVENTORY is its default. */
export function withInventory(command: Command, { settings }: CliContext): Command {
  const option = new Option('--inventory <folder>', 'the fleet: the folder with hosts.yml');
  const preset = settings.env['OLYMPUS_INVENTORY'];
  return command.addOption(preset ? option.default(preset) : option.makeOptionMandatory());
}

/** What reading an inventory of this checkout needs. */
export function readOptions(): ReadOptions {
  return { root: ROOT, alsoKnown: roleVariables(ROOT) };
}

/** The inventory, or an error that lists everything that is wrong with it. */
export function inventoryOf(dir: string): Inventory {
  return readable(dir, () => readInventory(dir, readOptions()));
}

/** What `read` makes of the inventory; what it throws about it is told as one error that lists everything. */
export function readable<T>(dir: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InventoryError)) throw error;
    const lines = error.findings.map((finding) => `\n  ${findingLine(finding)}`).join('');
    throw new CliError(`The inventory ${dir} cannot be used:${lines}\n`, 'Mend it, then try again.', {
      cause: error,
    });
  }
}

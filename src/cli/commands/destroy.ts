import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { destroyMachines } from '#provision/apply/destroy.ts';
import { exitCodes, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { withInventory } from '../inventory-option.ts';
import { collect, explainFailures, fleetOf, namingMachines } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `olympus destroy`: removes machines with their disks. */
export function addDestroy(parent: Command, context: CliContext): void {
  const { out } = context;
  withInventory(parent.command('destroy'), context)
    .description('remove machines with all of their disks')
    .requiredOption('--machine <name>', 'this machine; may be given several times', collect, [])
    .option('--yes', 'do not ask for the name of the fleet')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
The data disks go too. A domain that Olympus did not make is never touched.

Examples:
  $ olympus destroy --inventory inventory/example --machine athena`,
    )
    .action(async ({ inventory, machine, yes, json }: Options) => {
      if (machine.length === 0)
        throw usageError('No machine is named.', 'Name what is to go: --machine athena.');
      const fleet = await fleetOf(inventory, context);
      if (!yes) await confirm(fleet.inventory.fleet, machine, context);
      const destroyed = await namingMachines(() => destroyMachines(fleet, machine));
      const changed = destroyed.some((each) => each.changed);
      if (json) out.json({ changed, machines: destroyed });
      for (const { machine: name, host, changed: gone, failure } of json ? [] : destroyed) {
        if (!failure) out.print(`${name} on ${host} ${gone ? 'is removed' : 'was not there'}.`);
      }
      if (explainFailures(destroyed, context)) context.exitWith(exitCodes.failed);
    });
}

/** Only the typed name of the fleet lets it happen. */
async function confirm(fleet: string, machines: readonly string[], context: CliContext): Promise<void> {
  const { stdin, out, signal } = context;
  const what = `This removes ${machines.join(', ')} of the fleet ${fleet} with all disks.`;
  if (!stdin.isTTY) throw usageError(what, 'Say --yes, or call it on a terminal.');
  out.note(`${what} Type the name of the fleet to go on:`);
  const lines = createInterface({ input: stdin });
  try {
    const typed = (await lines.question('', { signal })).trim();
    if (typed !== fleet)
      throw usageError(`${typed || 'Nothing'} is not the name of the fleet.`, 'Nothing was touched.');
  } finally {
    lines.close();
  }
}

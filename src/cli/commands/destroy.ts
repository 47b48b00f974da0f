import type { Command } from 'commander';
import { type DestroyOutcome, destroyMachines } from '#provision/apply/destroy.ts';
import { exitCodes, usageError } from '../cli-error.ts';
import { confirm } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { localTime } from '../format.ts';
import { withInventory } from '../inventory-option.ts';
import { collect, explainFailures, fleetOf, namingMachines } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly purge?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `olympus destroy`: takes machines away; their disks can be brought back for a day. */
export function addDestroy(parent: Command, context: CliContext): void {
  const { out } = context;
  withInventory(parent.command('destroy'), context)
    .description('take machines away; their disks are kept for 24 hours')
    .requiredOption('--machine <name>', 'this machine; may be given several times', collect, [])
    .option('--purge', 'remove the disks at once, and what is kept of the machine from before')
    .option('--yes', 'do not ask for the name of the fleet')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
The disks, the data disk too, go to the trash of their hypervisor, where they still take room; olympus undo brings the
machine back as it was, with its snapshots. With --purge they are gone. A domain that Olympus did not make is never touched.

Examples:
  $ olympus destroy --inventory inventory/example --machine athena
  $ olympus undo --inventory inventory/example --machine athena`,
    )
    .action(async ({ inventory, machine, purge = false, yes = false, json }: Options) => {
      if (machine.length === 0)
        throw usageError('No machine is named.', 'Name what is to go: --machine athena.');
      const fleet = await fleetOf(inventory, context);
      const { fleet: word } = fleet.inventory;
      const what = `This takes ${machine.join(', ')} of the fleet ${word} away, ${purge ? 'with all disks, for good' : 'and keeps the disks for 24 hours'}.`;
      await confirm(context, { what, word, yes });
      const destroyed = await namingMachines(() => destroyMachines(fleet, { machines: machine, purge }));
      const changed = destroyed.some((each) => each.changed);
      if (json) out.json({ changed, machines: destroyed.map(asJson) });
      for (const each of json ? [] : destroyed) if (!each.failure) out.print(sentence(each));
      if (explainFailures(destroyed, context)) context.exitWith(exitCodes.failed);
    });
}

function asJson({ keptUntil, ...rest }: DestroyOutcome): unknown {
  return keptUntil === undefined ? rest : { ...rest, keptUntil: new Date(keptUntil).toISOString() };
}

function sentence({ machine, host, changed, keptUntil }: DestroyOutcome): string {
  if (!changed) return `${machine} was not on ${host}.`;
  const gone = `${machine} is gone from ${host}`;
  if (keptUntil === undefined) return `${gone}.`;
  return `${gone}; olympus undo brings it back until ${localTime(new Date(keptUntil).toISOString())}.`;
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { PROFILES } from '#provision/inventory/inventory.ts';
import type { CliContext } from '../context.ts';
import { withInventory } from '../inventory-option.ts';
import { applyAndTell, collect } from '../machines.ts';
import { type PlaceOptions, planPlaces } from './plan-place.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly replace: readonly string[];
  readonly place?: boolean;
  readonly agents?: number;
  readonly profile: PlaceOptions['profile'];
  readonly json?: boolean;
}

/** `olympus plan`: what apply would do, and what that means for each machine. */
export function addPlan(parent: Command, context: CliContext): void {
  withInventory(parent.command('plan'), context)
    .description('show what apply would do to the machines, and touch nothing')
    .option('--machine <name>', 'only this machine; may be given several times', collect, [])
    .option('--replace <name>', 'as if this machine were to get a new root disk', collect, [])
    .addOption(
      new Option('--place', 'find a hypervisor for each machine without one, and say why').conflicts([
        'machine',
        'replace',
      ]),
    )
    .addOption(
      new Option(
        '--agents <number>',
        'the same for a fleet of so many agents: does it fit, and if not, what is missing',
      )
        .argParser(parseAgents)
        .conflicts(['machine', 'replace']),
    )
    .addOption(
      new Option('--profile <size>', 'how large those agents are that are not in the inventory')
        .choices(Object.keys(PROFILES))
        .default('medium'),
    )
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
A step is done in place, with a restart of the machine, or with a new root disk (replace); the latter only for
machines named with --replace. The data disk always stays.

What --json prints is described in docs/reference/schemas/olympus.plan.json and olympus.plan-place.json.

--place and --agents look at the inventory alone, at no hypervisor. They keep agents of the same first domain apart where
they can, and take the hypervisor of which least is taken then. Exit code 1 when a machine fits nowhere.

Examples:
  $ olympus plan --inventory inventory/example
  $ olympus plan --inventory inventory/example --machine athena --json
  $ olympus plan --inventory inventory/example --agents 25`,
    )
    .action(async ({ inventory, machine, replace, place, agents, profile, json = false }: Options) => {
      if (place || agents !== undefined) return planPlaces(context, inventory, { agents, profile, json });
      await applyAndTell(context, inventory, { machines: machine, replace, dryRun: true }, json);
    });
}

function parseAgents(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new InvalidArgumentError('Write a number from 1 to 1000.');
}

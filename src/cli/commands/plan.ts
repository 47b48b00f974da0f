import type { Command } from 'commander';
import { applyFleet } from '#provision/apply/apply.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { withInventory } from '../inventory-option.ts';
import {
  collect,
  explainFailures,
  fleetOf,
  namingMachines,
  outcomesAsJson,
  printSteps,
} from '../machines.ts';

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
    .action(async ({ inventory, machine, replace, json }: Options) => {
      const fleet = await fleetOf(inventory, context);
      const options = { machines: machine, replace, dryRun: true };
      const outcomes = await namingMachines(() => applyFleet(fleet, options));
      if (json) context.out.json(outcomesAsJson(outcomes));
      else printSteps(outcomes, context);
      if (explainFailures(outcomes, context)) context.exitWith(exitCodes.failed);
    });
}

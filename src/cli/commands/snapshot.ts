import { type Command, InvalidArgumentError } from 'commander';
import { listSnapshots, type MachineSnapshots, withSnapshot } from '#provision/snapshot/snapshots.ts';
import { exitCodes, usageError } from '../cli-error.ts';
import { confirm } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { age, localTime, table } from '../format.ts';
import { withInventory } from '../inventory-option.ts';
import { collect, explainFailures, fleetOf, namingMachines } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const NAME = /^[a-z0-9][a-z0-9._-]*$/;

/** `olympus snapshot create|list|revert|delete`: states of machines that can be gone back to. */
export function addSnapshotCommands(parent: Command, context: CliContext): void {
  const { out } = context;
  const command = (verb: string, description: string): Command =>
    withInventory(parent.command(verb), context)
      .description(description)
      .option('--machine <name>', 'only this machine; may be given several times', collect, [])
      .option('--json', 'print one JSON value');

  command('create', 'make a snapshot of machines: their disks, and their memory where they run')
    .argument('<name>', 'how it is called later, such as before-upgrade', parseName)
    .addHelpText(
      'after',
      `
A running machine stands still until its memory is written down. A snapshot lies inside the disks of its machine: it is no
back-up, and goes with them.

Examples:
  $ olympus snapshot create before-upgrade --inventory inventory/example --machine athena`,
    )
    .action((name: string, options: Options) => act('create', 'now has', name, options));

  command('list', 'list the snapshots of machines')
    .addHelpText('after', '\nExamples:\n  $ olympus snapshot list --inventory inventory/example')
    .action(async ({ inventory, machine, json = false }: Options) => {
      const fleet = await fleetOf(inventory, context);
      const machines = await namingMachines(() => listSnapshots(fleet, machine));
      if (json) out.json({ machines: machines.map(asJson) });
      else print(machines, context);
      if (explainFailures(machines, context)) context.exitWith(exitCodes.failed);
    });

  command('revert', 'take machines back to a snapshot; what they have written since is lost')
    .argument('<name>', 'of the snapshot', parseName)
    .option('--all', 'all machines of the inventory, the hub with its bus and its records too')
    .option('--yes', 'do not ask for the name of the fleet')
    .addHelpText(
      'after',
      `
A machine that ran when the snapshot was made goes on from that moment, and does not know what it has done since: an agent may
do work again that was under way then. Unless the hub goes back as well, what control has settled stays settled. Nothing is taken
back unless every machine that is named has the snapshot.

Examples:
  $ olympus snapshot revert before-upgrade --inventory inventory/example --machine athena`,
    )
    .action((name: string, options: Options) => act('revert', 'is back at', name, options));

  command('delete', 'delete a snapshot; the machines stay as they are')
    .argument('<name>', 'of the snapshot', parseName)
    .addHelpText(
      'after',
      '\nExamples:\n  $ olympus snapshot delete before-upgrade --inventory inventory/example --machine athena',
    )
    .action((name: string, options: Options) => act('delete', 'no longer has', name, options));

  async function act(
    action: Parameters<typeof withSnapshot>[0],
    did: string,
    name: string,
    { inventory, machine, all = false, yes = false, json = false }: Options,
  ): Promise<void> {
    if (action === 'revert' && machine.length === 0 && !all) {
      throw usageError('No machine is named.', 'Name what is to go back: --machine athena, or --all.');
    }
    const fleet = await fleetOf(inventory, context);
    const { fleet: word, machines } = fleet.inventory;
    const names = machine.length > 0 ? machine : machines.map((each) => each.name);
    const what = `This takes ${names.join(', ')} of the fleet ${word} back to ${name}; what was written since is lost.`;
    if (action === 'revert') await confirm(context, { what, word, yes });
    const outcomes = await namingMachines(() => withSnapshot(action, fleet, { machines: machine, name }));
    if (json) out.json({ machines: outcomes });
    for (const each of json ? [] : outcomes) {
      if (!each.failure) out.print(`${each.machine} on ${each.host} ${did} ${name}.`);
    }
    if (explainFailures(outcomes, context)) context.exitWith(exitCodes.failed);
  }
}

function asJson({ snapshots, ...machine }: MachineSnapshots) {
  return {
    ...machine,
    snapshots: snapshots.map(({ name, createdAt, wasRunning }) => ({
      name,
      createdAt: new Date(createdAt).toISOString(),
      wasRunning,
    })),
  };
}

function print(machines: readonly MachineSnapshots[], { out, clock }: CliContext): void {
  const rows = machines.flatMap(({ machine, host, snapshots }) =>
    snapshots.map(({ name, createdAt, wasRunning }) => [
      machine,
      host,
      name,
      `${localTime(new Date(createdAt).toISOString())} (${age(clock.now() - createdAt)} ago)`,
      wasRunning ? 'with memory' : 'off',
    ]),
  );
  if (rows.length === 0) {
    if (!machines.some(({ failure }) => failure)) out.note('There is no snapshot.');
    return;
  }
  const [heading = '', ...lines] = table(
    ['MACHINE', 'HYPERVISOR', 'SNAPSHOT', 'MADE', 'WAS'],
    rows,
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const line of lines) out.print(line);
}

function parseName(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError('Write a name of a-z, 0-9, ., _ and -, such as before-upgrade.');
}

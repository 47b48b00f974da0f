import type { Command } from 'commander';
import { TRASH_MS } from '#provision/trash/trash-entry.ts';
import { type Kept, keptMachines, type Undone, undoDestroy } from '#provision/trash/undo.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { age, duration, localTime, table } from '../format.ts';
import { withInventory } from '../inventory-option.ts';
import { collect, explainFailures, fleetOf } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly machine: readonly string[];
  readonly json?: boolean;
}

/** `olympus undo`: brings back machines that were destroyed, or lists what can be brought back. */
export function addUndo(parent: Command, context: CliContext): void {
  withInventory(parent.command('undo'), context)
    .description('bring back machines that were destroyed within 24 hours; without a machine, list them')
    .option('--machine <name>', 'this machine; may be given several times', collect, [])
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
A machine comes back as it was when it was destroyed last: its disks byte for byte, its definition, and running if it
ran, with its snapshots. It need not be in the inventory any more. A machine that is there is never touched.

Examples:
  $ olympus undo --inventory inventory/example
  $ olympus undo --inventory inventory/example --machine athena`,
    )
    .action(async ({ inventory, machine, json = false }: Options) => {
      const fleet = await fleetOf(inventory, context);
      if (machine.length === 0) return list(await keptMachines(fleet), context, json);
      const undone = await undoDestroy(fleet, machine);
      if (json) context.out.json({ machines: undone });
      for (const each of json ? [] : undone) if (!each.failure) context.out.print(sentence(each));
      if (explainFailures(undone, context)) context.exitWith(exitCodes.failed);
    });
}

function list(
  { kept, failures }: Awaited<ReturnType<typeof keptMachines>>,
  context: CliContext,
  json: boolean,
) {
  const { out, clock } = context;
  if (json) {
    const iso = (ms: number): string => new Date(ms).toISOString();
    const machines = kept.map(({ machine, host, destroyedAt }) => ({
      machine,
      host,
      destroyedAt: iso(destroyedAt),
      keptUntil: iso(destroyedAt + TRASH_MS),
    }));
    out.json({ machines, failures });
  } else if (kept.length > 0) print(kept, clock.now(), context);
  else if (failures.length === 0) out.note('Nothing is kept: no machine was destroyed within 24 hours.');
  if (
    explainFailures(
      failures.map((failure) => ({ machine: '', failure })),
      context,
    )
  ) {
    context.exitWith(exitCodes.failed);
  }
}

function print(kept: readonly Kept[], now: number, { out }: CliContext): void {
  const rows = kept.map(({ machine, host, destroyedAt }) => [
    machine,
    host,
    `${localTime(new Date(destroyedAt).toISOString())} (${age(now - destroyedAt)} ago)`,
    duration(destroyedAt + TRASH_MS - now),
  ]);
  const [heading = '', ...lines] = table(['MACHINE', 'HYPERVISOR', 'DESTROYED', 'KEPT FOR'], rows, out.width);
  out.print(out.style('bold', heading));
  for (const line of lines) out.print(line);
}

function sentence({ machine, host, as }: Undone): string {
  const back = `${machine} is back on ${host}`;
  if (as === 'running') return `${back} and starts; olympus apply waits until it is up.`;
  if (as === 'off') return `${back}, and off as it was; olympus apply starts it.`;
  return `The disks of ${machine} are back on ${host}; what it was defined from is not known, so that olympus apply makes its domain.`;
}

import { age, table } from '../format.ts';
import type { Output } from '../output.ts';
import { type MachineReport, parseMachineReport } from './machine-report.ts';
import type { Answer } from './survey.ts';

/** A machine in the answer of `olympus status`. */
export type MachineRow =
  | { readonly name: string; readonly up: false; readonly reason: string }
  /** No hypervisor has it: it is in the inventory only. */
  | { readonly name: string; readonly up: false; readonly unmade: true }
  | ({ readonly name: string; readonly up: true } & MachineReport);

/** What a machine answered, as a row. */
export function machineRow(answer: Answer): MachineRow {
  return answer.up
    ? { name: answer.host, up: true, ...parseMachineReport(answer.text) }
    : { name: answer.host, up: false, reason: answer.what };
}

/** Prints machines as a table, in the order of the inventory. */
export function printMachines(machines: readonly MachineRow[], out: Output): void {
  const [heading = '', ...lines] = table(
    ['MACHINE', 'STATE', 'FOR', 'LOAD', 'MEMORY FREE', 'UNITS'],
    machines.map(cells),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const [index, line] of lines.entries()) {
    const up = machines[index]?.up ?? false;
    out.print(line.replace(/ (up|down) /, (word) => out.style(up ? 'green' : 'red', word)));
  }
}

function cells(machine: MachineRow): string[] {
  if (!machine.up) return [machine.name, 'unmade' in machine ? 'not made' : 'down', '–', '–', '–', '–'];
  const { name, uptimeSeconds, load, memory, units } = machine;
  return [
    name,
    'up',
    uptimeSeconds === undefined ? '–' : age(uptimeSeconds * 1000),
    load === undefined ? '–' : load.toFixed(2),
    memory ? `${memory.availableMib} of ${memory.totalMib} MiB` : '–',
    units.map((unit) => (unit.state === 'active' ? unit.name : `${unit.name} (${unit.state})`)).join(', ') ||
      'none',
  ];
}

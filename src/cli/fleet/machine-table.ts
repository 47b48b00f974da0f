import { isUnmade } from '../checks/machines.ts';
import { age, table } from '../format.ts';
import type { Output } from '../output.ts';
import { type Conditions, type Standing, seenOf } from './conditions.ts';
import { type MachineReport, parseMachineReport } from './machine-report.ts';
import type { Answer } from './survey.ts';

/** A machine in the answer of `olympus status`. */
export type MachineRow = { readonly name: string } & Standing &
  (
    | { readonly up: false; readonly reason: string }
    /** No hypervisor has it: it is in the inventory only. */
    | { readonly up: false; readonly unmade: true }
    | ({ readonly up: true } & MachineReport)
  );

/** What a machine answered, or its hypervisors about it, as a row; its conditions are noted. */
export function machineRow(
  answer: Answer,
  hypervisors: readonly Answer[],
  { conditions, now }: { readonly conditions: Conditions; readonly now: number },
): MachineRow {
  const row = (report?: MachineReport) => ({
    name: answer.host,
    ...conditions.note(answer.host, seenOf(answer, report, hypervisors), now),
  });
  if (answer.up) {
    const report = parseMachineReport(answer.text);
    return { ...row(report), up: true, ...report };
  }
  if (isUnmade(answer, hypervisors)) return { ...row(), up: false, unmade: true };
  return { ...row(), up: false, reason: answer.what };
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

import type { Command } from 'commander';
import type { HypervisorView, LabView } from '#lab/lab-status.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { table } from '../format.ts';
import { explainingLab } from '../lab-errors.ts';
import type { Output } from '../output.ts';

/** `olympus lab status`: what of the lab runs, and how to reach it. */
export function addLabStatus(parent: Command, context: CliContext): void {
  const { out, settings, signal } = context;
  parent
    .command('status')
    .description('show the lab: hypervisors, machines, ways in, and which chat and model answer')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Exit code: 0 when the lab is up, 1 when it is down or damaged.

Examples:
  $ olympus lab status
  $ olympus lab status --json | jq -r .state`,
    )
    .action(({ json }: { json?: boolean }) =>
      explainingLab(async () => {
        const { lookAtLab } = await import('#lab/lab-status.ts');
        const view = await lookAtLab(settings.stateDir, signal);
        if (json) out.json(view);
        else print(view, out);
        context.exitWith(view.state === 'up' ? exitCodes.ok : exitCodes.failed);
      }),
    );
}

function print(view: LabView, out: Output): void {
  const { id, stateDir, state, hypervisors, doors, chatOutside, model, leftovers } = view;
  const style = state === 'up' ? 'green' : 'red';
  out.print(`Lab ${id} in ${stateDir}: ${out.style(style, state)}`);
  if (hypervisors.length > 0) {
    out.print();
    const rows = hypervisors.map((each) => [each.name, each.address, machinesOf(each)]);
    for (const line of table(['HYPERVISOR', 'ADDRESS', 'MACHINES'], rows, out.width)) out.print(line);
    out.print();
  }
  for (const { name, url, problem } of doors) out.print(`${name}: ${problem ? bad(out, problem) : url}`);
  if (model) {
    const problem = chatOutside?.problem ? `; ${bad(out, chatOutside.problem)}` : '';
    out.print(`chat server: ${chatOutside?.url ?? 'the stand-in on the hub'}${problem}`);
    out.print(`model: ${model.provider}${model.problem ? `; ${bad(out, model.problem)}` : ''}`);
  }
  if (leftovers.length > 0) out.print(`Namespaces that nobody needs any more: ${leftovers.join(', ')}`);
  if (state === 'down') out.print('Start it with `olympus lab up`.');
  if (state === 'damaged') {
    out.print('`olympus lab up` mends what can be mended; `olympus lab down` clears everything.');
  }
}

function machinesOf({ machines, problem }: HypervisorView): string {
  if (problem) return problem;
  return machines.map(({ name, running }) => (running ? name : `${name} (off)`)).join(', ') || 'none';
}

function bad(out: Output, problem: string): string {
  return out.style('red', problem);
}

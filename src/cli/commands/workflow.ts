import type { Command } from 'commander';
import type { MissionView, WorkflowView } from '#core/api.ts';
import { ApiClient } from '../api-client.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { followTask } from '../follow.ts';
import { duration, harmless, table } from '../format.ts';
import { refuseRejected } from '../refused.ts';
import { personOf } from '../settings.ts';
import { findTask } from '../task-id.ts';

interface StartOptions {
  readonly follow?: boolean;
  readonly key?: string;
  readonly json?: boolean;
}

/** `olympus workflow list|start`: what several agents can be asked at the same time. */
export function addWorkflowCommands(parent: Command, context: CliContext): void {
  addList(parent, context);
  addStart(parent, context);
}

function addList(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('list')
    .description('list the workflows, and what is wrong with their files; exit code 1 when something is')
    .option('--json', 'print one JSON value')
    .action(async ({ json }: { json?: boolean }) => {
      const answer = await new ApiClient(context).workflows();
      if (answer.problems.length > 0) context.exitWith(exitCodes.failed);
      if (json) return out.json(answer);
      if (answer.workflows.length > 0) print(answer.workflows, context);
      else
        out.note('There are no workflows: they are the files of OLYMPUS_WORKFLOWS_DIR of the control plane.');
      for (const problem of answer.problems) out.note(`${out.noteStyle('red', '✗')} ${harmless(problem)}`);
    });
}

function print(workflows: readonly WorkflowView[], { out }: CliContext): void {
  const [heading = '', ...lines] = table(
    ['WORKFLOW', 'LEAD', 'NEEDS', 'WITHIN', 'STEPS'],
    workflows.map(({ name, lead, steps, need, deadlineMs }) => [
      name,
      lead,
      `${need}/${steps.length}`,
      duration(deadlineMs),
      steps.map(({ id, domain, agent }) => `${id} (${agent ?? `any of ${domain}`})`).join(', '),
    ]),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const line of lines) out.print(line);
}

function addStart(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('start')
    .description('ask several agents at the same time, and their lead for one answer of theirs')
    .argument('<name>', 'of the workflow')
    .option('--follow', "watch the lead's task until it ends, and print its answer")
    .option('--key <key>', 'started twice with the same key it is started once')
    .option('--json', 'print one JSON value; with --follow one a line')
    .addHelpText('after', '\nExamples:\n  $ olympus workflow start briefing --follow')
    .action(async (name: string, { follow, key, json }: StartOptions) => {
      const api = new ApiClient(context);
      const by = personOf(context.settings);
      const mission = await api.startWorkflow(name, { by, ...(key ? { dedupKey: key } : {}) });
      refuseRejected(mission.task);
      if (follow) {
        if (!json) say(mission, context);
        return followTask(api, await findTask(api, mission.task.id), json, context);
      }
      if (json) return out.json(mission);
      out.print(mission.task.id);
      say(mission, context);
      out.note(`Watch it with: olympus task follow ${mission.task.id}`);
    });
}

function say({ task, children }: MissionView, { out }: CliContext): void {
  for (const { id, agent, state, label, reason } of children) {
    const what = state === 'rejected' ? `nobody (${reason})` : `${agent}, task ${id}`;
    out.note(`${label ?? id}: ${what}`);
  }
  out.note(`${task.agent} makes one answer of theirs: task ${task.id}.`);
}

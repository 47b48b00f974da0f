import type { Command } from 'commander';
import type { AgentView, HealthView, TaskView } from '#core/api.ts';
import type { TaskState } from '#core/task-states.ts';
import { printAgents } from '../agent-table.ts';
import { APPROVAL_LIMIT, ApiClient, TASK_LIMIT } from '../api-client.ts';
import { agentChecks } from '../checks/agents.ts';
import { type Check, failed, printChecks } from '../checks/check.ts';
import { partChecks, queueCheck } from '../checks/control.ts';
import { HYPERVISOR_COMMAND } from '../checks/hypervisors.ts';
import { machineChecks } from '../checks/machines.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { Conditions } from '../fleet/conditions.ts';
import { fleetHosts } from '../fleet/hosts.ts';
import { MACHINE_COMMAND } from '../fleet/machine-report.ts';
import { type MachineRow, machineRow, printMachines } from '../fleet/machine-table.ts';
import { askEach } from '../fleet/survey.ts';
import type { Output } from '../output.ts';
import { stateStyle } from '../task-style.ts';
import { whereabouts } from '../whereabouts.ts';

const DAY_MS = 24 * 3600 * 1000;

interface Report {
  readonly ok: boolean;
  readonly control: { readonly url: string; readonly health?: HealthView };
  readonly agents?: readonly AgentView[];
  readonly tasks?: TaskCounts;
  /** How many approvals and questions wait for people, as far as the API lists them at once. */
  readonly pendingDecisions?: number;
  /** Absent where no machine is known, as in a fleet of processes. */
  readonly machines?: readonly MachineRow[];
  readonly problems: readonly Check[];
}

interface TaskCounts {
  readonly since: string;
  readonly total: number;
  /** There are more than the API lists at once: of those that are open, and of all, only the newest are counted. */
  readonly more: boolean;
  readonly byState: Readonly<Partial<Record<TaskState, number>>>;
}

/** `olympus status`: the fleet at a glance. */
export function addStatus(parent: Command, context: CliContext): void {
  parent
    .command('status')
    .description(
      'show the fleet at a glance: control plane, agents, tasks of a day, what is to be decided, machines',
    )
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Exit code: 0 when everything is ready, 1 when something is not.

Examples:
  $ olympus status
  $ olympus status --json | jq .problems`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      // Made first: a setting that is missing ends the command before anything is under way.
      const api = new ApiClient(context);
      const [control, fleet] = await Promise.all([look(api, context), lookAtMachines(context)]);
      const problems = [...control.problems, ...fleet.problems];
      const report = { ...control, ...fleet, problems, ok: problems.length === 0 };
      if (json) context.out.json(report);
      else print(report, context);
      context.exitWith(report.ok ? exitCodes.ok : exitCodes.failed);
    });
}

async function look(api: ApiClient, { settings, clock }: CliContext): Promise<Omit<Report, 'ok'>> {
  const where = whereabouts(settings.stateDir);
  const answers = Promise.all([
    api.health(),
    api.agents(),
    api.tasks({ limit: TASK_LIMIT }),
    api.tasks({ open: true, limit: TASK_LIMIT }),
    api.approvals({ state: 'pending', limit: APPROVAL_LIMIT }),
  ]);
  const queued = api.tasks({ state: 'queued', limit: TASK_LIMIT });
  try {
    const [{ health, clockAheadMs = 0 }, agents, newest, open, pending] = await answers;
    // The times we are told are those of the control plane's clock.
    const now = clock.now() + clockAheadMs;
    const problems = [
      ...partChecks(health, where),
      ...agentChecks(agents, now, where),
      queueCheck(await queued, agents, now),
    ].filter((check) => !check.ok);
    return {
      control: { url: api.url, health },
      agents,
      tasks: countTasks(newest, open, now),
      pendingDecisions: pending.length,
      problems,
    };
  } catch (error) {
    await queued.catch(() => undefined);
    if (!(error instanceof CliError)) throw error;
    return {
      control: { url: api.url },
      problems: [failed('control plane', error.message, error.remedy)],
    };
  }
}

async function lookAtMachines(context: CliContext): Promise<Pick<Report, 'machines' | 'problems'>> {
  const hosts = await fleetHosts(context.settings);
  if (!hosts) return { problems: [] };
  const answers = await askEach(hosts.machines, MACHINE_COMMAND, context);
  const allUp = answers.every(({ up }) => up);
  const hypervisors = allUp ? [] : await askEach(hosts.hypervisors, HYPERVISOR_COMMAND, context);
  const conditions = new Conditions(context.settings.stateDir);
  const now = context.clock.now();
  const machines = answers.map((answer) => machineRow(answer, hypervisors, { conditions, now }));
  conditions.keep();
  return {
    machines,
    problems: answers.flatMap((answer) => machineChecks(answer, hypervisors)).filter((check) => !check.ok),
  };
}

/** Those of a day, and what is open however old it is: a task that runs must not go uncounted for the many that have ended. */
function countTasks(newest: readonly TaskView[], open: readonly TaskView[], now: number): TaskCounts {
  const since = now - DAY_MS;
  const recent = newest.filter((task) => Date.parse(task.createdAt) >= since);
  const counted = new Map([...open, ...recent].map((task) => [task.id, task]));
  const byState: Partial<Record<TaskState, number>> = {};
  for (const { state } of counted.values()) byState[state] = (byState[state] ?? 0) + 1;
  return {
    since: new Date(since).toISOString(),
    total: counted.size,
    more: recent.length === TASK_LIMIT || open.length === TASK_LIMIT,
    byState,
  };
}

function print(
  { control, agents, tasks, pendingDecisions = 0, machines, problems }: Report,
  context: CliContext,
): void {
  const { out } = context;
  const { health } = control;
  if (health) {
    const status = health.status === 'ok' ? out.style('green', 'ok') : out.style('red', health.status);
    out.print(`Control plane ${control.url}, version ${health.version}: ${status}`);
  }
  if (agents && agents.length > 0) {
    out.print();
    printAgents(agents, context);
  }
  if (tasks) {
    out.print();
    printTasks(tasks, out);
  }
  if (pendingDecisions > 0) {
    const more = pendingDecisions === APPROVAL_LIMIT ? ' or more' : '';
    const waits = pendingDecisions === 1 ? '1 decision waits' : `${pendingDecisions}${more} decisions wait`;
    out.print(`${out.style('yellow', `${waits} for people`)}: olympus approve lists what is pending`);
  }
  if (machines && machines.length > 0) {
    if (health) out.print();
    printMachines(machines, out);
  }
  if (health || machines) out.print();
  if (problems.length === 0) {
    out.print(out.style('green', 'Everything is ready.'));
    return;
  }
  out.print(out.style('bold', 'What is wrong:'));
  printChecks(problems, out);
}

function printTasks({ byState, total, more }: TaskCounts, out: Output): void {
  const parts = Object.entries(byState).map(([state, number]) =>
    out.style(stateStyle(state as TaskState), `${number} ${state}`),
  );
  const which = more
    ? `The newest ${total} that are open or of the last 24 hours (there are more)`
    : 'Tasks of the last 24 hours, and all that are open';
  out.print(`${which}: ${parts.join(', ') || 'none'}`);
}

import type { Command } from 'commander';
import type { AgentView, TaskView } from '#core/api.ts';
import { ApiClient, TASK_LIMIT } from '../api-client.ts';
import { drainText } from '../checks/agents.ts';
import type { CliContext } from '../context.ts';
import { age, harmless, oneLine } from '../format.ts';
import { shortIds } from '../id-prefix.ts';

/** `olympus agent show <name>`: one agent, what it is missing, and what it has to do. */
export function addAgentShow(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('show')
    .description('show an agent: its phase and what is missing, its limits, and its open tasks')
    .argument('<name>', 'its name')
    .option('--json', 'print one JSON value')
    .action(async (given: string, { json }: { json?: boolean }) => {
      const name = given.replace(/^@/, '');
      const api = new ApiClient(context);
      const agent = await api.agent(name);
      const tasks = await api.tasks({ agent: name, open: true, limit: TASK_LIMIT });
      if (json) out.json({ ...agent, tasks });
      else print(agent, tasks, context);
    });
}

function print(agent: AgentView, tasks: readonly TaskView[], { out, clock }: CliContext): void {
  const field = (name: string, value: string): void => out.print(`  ${name.padEnd(12)}${value}`);
  const styles = { Ready: 'green', NotReady: 'yellow', Silent: 'red' } as const;
  out.print(out.style('bold', agent.name));
  field('phase', out.style(styles[agent.phase], agent.phase));
  if (agent.drain) {
    const since = age(clock.now() - Date.parse(agent.drain.since));
    field('work', `${drainText(agent.drain)}, ${since} ago`);
    field('', `${out.style('yellow', '→')} olympus agent resume ${agent.name}`);
  }
  field('role', `${agent.role}, domains ${agent.domains.join(', ')}`);
  field('runs', `${agent.runs} of ${agent.concurrency}`);
  field('version', agent.version);
  field('last seen', `${age(clock.now() - Date.parse(agent.lastSeenAt))} ago`);
  for (const { name, ready, reason } of agent.conditions) {
    field(
      name,
      ready ? out.style('green', 'ready') : `${out.style('red', 'not ready')} ${harmless(reason ?? '')}`,
    );
  }
  const which = tasks.length === TASK_LIMIT ? `Newest ${TASK_LIMIT} open tasks` : 'Open tasks';
  out.print(`\n${out.style('bold', which)}`);
  if (tasks.length === 0) out.print('  none');
  const ids = shortIds(tasks.map(({ id }) => id));
  for (const [index, { state, text }] of tasks.entries()) {
    out.print(`  ${ids[index]}  ${state.padEnd(10)} ${oneLine(text, Math.max(20, out.width - 40))}`);
  }
}

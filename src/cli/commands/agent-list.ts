import type { Command } from 'commander';
import { printAgents } from '../agent-table.ts';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';

/** `olympus agent list`: every agent that has ever reported, and how it does. */
export function addAgentList(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('list')
    .description('list the agents: role, phase, runs, and what is missing')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Examples:
  $ olympus agent list
  $ olympus agent list --json | jq -r '.[].name'`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const agents = await new ApiClient(context).agents();
      if (json) out.json(agents);
      else if (agents.length > 0) printAgents(agents, context);
      else
        out.note(
          'No agent has reported yet. An agent is listed from the first heartbeat of its olympusd on.',
        );
    });
}

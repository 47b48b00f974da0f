import type { AgentView } from '#core/api.ts';
import { missing } from './checks/agents.ts';
import type { CliContext } from './context.ts';
import { age, table } from './format.ts';
import type { Style } from './output.ts';

const STYLES = { Ready: 'green', NotReady: 'red', Silent: 'red' } as const satisfies Record<
  AgentView['phase'],
  Style
>;

/** Prints agents as a table, ordered by name. */
export function printAgents(agents: readonly AgentView[], { out, clock }: CliContext): void {
  const sorted = agents.toSorted((a, b) => a.name.localeCompare(b.name));
  const now = clock.now();
  const [heading = '', ...lines] = table(
    ['AGENT', 'ROLE', 'DOMAINS', 'PHASE', 'RUNS', 'SEEN', 'MISSING'],
    sorted.map((agent) => [
      agent.name,
      agent.role,
      agent.domains.join(','),
      agent.phase,
      `${agent.runs}/${agent.concurrency}`,
      `${age(now - Date.parse(agent.lastSeenAt))} ago`,
      missing(agent) || '–',
    ]),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const [index, line] of lines.entries()) {
    const phase = sorted[index]?.phase ?? 'Ready';
    out.print(line.replace(` ${phase} `, ` ${out.style(STYLES[phase], phase)} `));
  }
}

import type { AgentView } from '#core/api.ts';
import type { Repositories } from '../store/store.ts';
import { agentView } from './registry.ts';

/** An agent that could be asked, with how many of its tasks have not ended. */
export interface Candidate {
  readonly agent: AgentView;
  readonly open: number;
}

const RANKS = { Ready: 0, NotReady: 1, Silent: 3 } as const satisfies Record<AgentView['phase'], number>;
/** After those that only lack something, before those of which nothing is heard. */
const DRAINED_RANK = 2;

/** The best placed of them: ready before silent, the least busy first, then by name. */
export function bestOf(candidates: readonly Candidate[]): AgentView | undefined {
  const rank = ({ phase, drain }: AgentView): number => Math.max(RANKS[phase], drain ? DRAINED_RANK : 0);
  const [best] = candidates.toSorted(
    (a, b) => rank(a.agent) - rank(b.agent) || a.open - b.open || (a.agent.name < b.agent.name ? -1 : 1),
  );
  return best?.agent;
}

/** The agent that is best placed for work of this domain; undefined when none has it. */
export function agentForDomain(
  tx: Repositories,
  domain: string,
  now: number,
): Promise<AgentView | undefined> {
  return bestWhere(tx, now, ({ domains }) => domains.includes(domain));
}

/** The same for work that may be of any domain, or of one that nobody has: then it is for a lead. */
export async function agentForWork(
  tx: Repositories,
  domain: string | undefined,
  now: number,
): Promise<AgentView | undefined> {
  const ofDomain = domain === undefined ? undefined : await agentForDomain(tx, domain, now);
  return ofDomain ?? bestWhere(tx, now, ({ role }) => role === 'lead');
}

async function bestWhere(
  tx: Repositories,
  now: number,
  able: (agent: AgentView) => boolean,
): Promise<AgentView | undefined> {
  const views = (await tx.agents.list()).map((agent) => agentView(agent, now)).filter(able);
  return bestOf(
    await Promise.all(views.map(async (agent) => ({ agent, open: await tx.tasks.openOf(agent.name) }))),
  );
}

import type { AgentRecord } from '../store/agent-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';

/** What is on record for one that was drained before a reason had to be given. */
const NO_REASON = 'no reason was given';

/** Marks an agent as one that gets no new work, until it is resumed. Done again, the first mark stands. */
export async function drainAgent(
  tx: Repositories,
  context: ControlContext,
  agent: AgentRecord,
  { by, why }: { readonly by: string; readonly why: string },
): Promise<void> {
  if (agent.drain) return;
  const { name } = agent;
  await tx.agents.drain(name, { by, why, since: context.now() });
  const who = `person/${by}` as const;
  await record(tx, context, {
    who,
    what: 'drain',
    entity: 'agent',
    entityId: name,
    state: 'drained',
    why,
    agent: name,
  });
}

/** Takes the mark away; done again, it is gone. */
export async function resumeAgent(
  tx: Repositories,
  context: ControlContext,
  agent: AgentRecord,
  { by, why }: { readonly by: string; readonly why?: string | undefined },
): Promise<void> {
  if (!agent.drain) return;
  const { name, drain } = agent;
  await tx.agents.resume(name);
  const who = `person/${by}` as const;
  await record(tx, context, {
    who,
    what: 'resume',
    entity: 'agent',
    entityId: name,
    state: 'working',
    why: why || `over is what ${drain.by} drained it for: ${drain.why ?? NO_REASON}`,
    agent: name,
  });
}

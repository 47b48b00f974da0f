import type { StopView } from '#core/api-stop.ts';
import { cancelTask } from '../cancel/cancel.ts';
import { drainAgent } from '../drain/drain.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';

/**
 * The fleet's emergency stop, in the caller's transaction: every task that is out with an agent is cancelled, and no
 * agent that is known gets new work until it is resumed. What is queued stays so; what was to come after a run that ends
 * does what its request says of that. Done again, it stops what began since.
 */
export async function stopAll(
  tx: Repositories,
  context: ControlContext,
  given: { readonly by: string; readonly why: string },
): Promise<StopView> {
  const agents = await tx.agents.list();
  for (const agent of agents) await drainAgent(tx, context, agent, given);
  let runs = 0;
  for (const task of await tx.tasks.inFlight()) {
    // One that the end of another has ended meanwhile is as it should be.
    const fresh = await tx.tasks.byId(task.id);
    const outcome = fresh && (await cancelTask(tx, context, fresh, given));
    if (outcome?.kind === 'cancelled') runs += 1;
  }
  return { runs, agents: agents.map(({ name }) => name) };
}

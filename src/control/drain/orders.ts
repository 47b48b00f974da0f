import { AgentDuty } from '#core/messages/agent-duty.ts';
import { newId } from '#lib/id.ts';
import type { Order } from '../commands/commander.ts';
import { agentView } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { wantedVerb } from './wanted-verb.ts';

/** To each agent that is not silent, until its heartbeat agrees. */
export async function dutyOrders(store: Store, context: ControlContext): Promise<Order[]> {
  const at = context.now();
  return (await store.read.agents.list()).flatMap((agent): Order[] => {
    const verb = wantedVerb(agent);
    if (!verb || agentView(agent, at).phase === 'Silent') return [];
    const { name } = agent;
    const message = AgentDuty.create(
      {
        id: newId(at),
        source: `/fleets/${context.fleet}/control`,
        subject: `agent/${name}`,
        time: new Date(at).toISOString(),
      },
      { verb, agent: name },
    );
    return [{ agent: name, verb, message, about: {} }];
  });
}

import { AgentCommand } from '#core/messages/agent-command.ts';
import { newId } from '#lib/id.ts';
import type { Order } from '../commands/commander.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';

/** How long after its end the agent of an expired task is told to stop: one that is away for longer finds it past its deadline. */
const TELL_FOR_MS = 3600 * 1000;

/** The runs that are to end, because their tasks are to, or have: each until it is over. */
export async function cancelOrders(store: Store, context: ControlContext): Promise<Order[]> {
  const orders: Order[] = [];
  const at = context.now();
  for (const task of await store.read.tasks.toStop(at - TELL_FOR_MS)) {
    const run = (await store.read.runs.ofTask(task.id)).at(-1);
    if (!run || run.finishedAt !== undefined) continue;
    const { agent, id: runId, epoch } = run;
    const message = AgentCommand.create(
      {
        id: newId(at),
        source: `/fleets/${context.fleet}/control`,
        subject: `task/${task.id}/run/${runId}`,
        time: new Date(at).toISOString(),
      },
      { verb: 'cancel', agent, taskId: task.id, runId, epoch },
    );
    orders.push({ agent, verb: 'cancel', message, about: { runId } });
  }
  return orders;
}

import type { WhyView } from '#core/api.ts';
import { isTerminal } from '#core/task-states.ts';
import { neededBy } from '../dependencies/settle.ts';
import { agentView } from '../registry/registry.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { whyOf } from './why.ts';

/** Why a task is where it is, as the store has everything around it. `now` in Unix ms. */
export async function whyNow(read: Repositories, task: TaskRecord, now: number): Promise<WhyView> {
  const agent = await read.agents.byName(task.agent);
  const inFlight = await read.tasks.inFlightOf(task.agent);
  const waiting = await waitOf(read, task.id);
  const pending = (await read.approvals.ofTask(task.id)).find(({ state }) => state === 'pending');
  const asked = (await read.delegations.by(task.id)).flatMap((each) =>
    isTerminal(each.task.state) ? [] : [each.task],
  );
  return whyOf(task, { agent: agent && agentView(agent, now), inFlight, ...waiting, pending, asked, now });
}

/** What a task comes after, and how. */
export async function waitOf(
  read: Repositories,
  taskId: string,
): Promise<{ wait: Wait | undefined; after: TaskRecord[] }> {
  const wait = await read.dependencies.of(taskId);
  return { wait, after: wait ? await neededBy(read, wait) : [] };
}

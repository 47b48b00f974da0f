import type { WhyView } from '#core/api.ts';
import type { TaskState } from '#core/task-states.ts';
import type { TaskRecord } from '../store/records.ts';

/** The states in which a task may wait for what a run of it has asked. */
const WAITS: readonly TaskState[] = ['claimed', 'running', 'parked'];

/** Why a task waits for other agents, and where to look next; undefined for one that does not. */
export function whyAsked(task: TaskRecord, asked: readonly TaskRecord[]): WhyView | undefined {
  const [first] = asked;
  if (!first || !WAITS.includes(task.state)) return undefined;
  const each = asked.map(({ id, agent, state }) => `task ${id} of ${agent}, which is ${state}`);
  return {
    id: task.id,
    state: task.state,
    reason: `${task.agent} waits for what it has asked: ${each.join('; ')}.`,
    owner: 'agent',
    next: `olympus task why ${first.id}`,
  };
}

import type { WhyView } from '#core/api.ts';
import type { TaskState } from '#core/task-states.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { TaskRecord } from '../store/records.ts';

/** The states in which a task waits for people when something is pending; in any other it waits for something else. */
const WAITS: readonly TaskState[] = ['awaiting_approval', 'claimed', 'running', 'parked'];

/** Why a task waits for people, and the command that ends that; undefined for one that does not. */
export function whyWaiting(task: TaskRecord, pending: ApprovalRecord | undefined): WhyView | undefined {
  if (!pending || !WAITS.includes(task.state)) return undefined;
  const { asks, id, summary, runId, gate, approvedBy } = pending;
  const base = { id: task.id, state: task.state };
  if ('question' in asks) {
    return {
      ...base,
      reason: `${task.agent} waits for an answer: ${asks.question.text}`,
      owner: 'requester',
      next: `olympus answer ${id} "…"`,
    };
  }
  const waits =
    runId === undefined
      ? 'It may not start before a person approves it'
      : `${task.agent} waits for a decision`;
  const so = approvedBy.length > 0 ? ` (${approvedBy.join(', ')})` : '';
  const passes = gate
    ? `; it has to pass the gate ${gate.name}: ${approvedBy.length} of ${gate.approvals} approvals${so}`
    : '';
  return {
    ...base,
    reason: `${waits}: ${summary}${passes}`,
    owner: 'approver',
    next: `olympus approve ${id}`,
  };
}

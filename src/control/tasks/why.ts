import type { AgentView, WhyView } from '#core/api.ts';
import { type FailureCode, failureClasses } from '#core/failures.ts';
import { deadLetterReasons } from '#core/messages/dead-letter.ts';
import { type RejectionCode, rejections } from '#core/rejections.ts';
import type { TaskRecord } from '../store/records.ts';

/** What the answer depends on beside the task itself. */
export interface Surroundings {
  /** Undefined for an agent that has never sent a heartbeat. */
  readonly agent: AgentView | undefined;
  /** How many tasks are out with the agent. */
  readonly inFlight: number;
  readonly now: number;
}

/** Why a task is where it is: exactly one reason, one owner, and the next thing that happens or is to be done. */
export function whyOf(task: TaskRecord, around: Surroundings): WhyView {
  const why = (reason: string, owner: WhyView['owner'], next: string): WhyView => ({
    id: task.id,
    state: task.state,
    reason,
    owner,
    next,
  });
  switch (task.state) {
    case 'requested':
    case 'admitted':
      return why('It has just come in.', 'control', 'The control plane decides at once.');
    case 'queued':
      return whyQueued(task, around, why);
    case 'blocked':
      return why(
        task.reason ?? 'Something it needs is missing.',
        'control',
        'It is queued again when that is there.',
      );
    case 'awaiting_approval':
      return why(task.reason ?? 'A person has to decide.', 'approver', `olympus approve ${task.id}`);
    case 'parked':
      return why(
        task.reason ?? 'It waits for an answer.',
        'requester',
        'It goes on when the answer is there.',
      );
    case 'released':
      return silent(around)
        ? why(`${task.agent} has it on the bus and is silent.`, 'operator', 'olympus doctor')
        : why(`It is on the bus for ${task.agent}.`, 'agent', `${task.agent} takes it up.`);
    case 'claimed':
    case 'running':
      return silent(around)
        ? why(`${task.agent} has taken it up and is silent.`, 'operator', 'olympus doctor')
        : why(`${task.agent} is at work on it.`, 'agent', `${task.agent} hands in a result.`);
    case 'cancelling':
      return silent(around)
        ? why(`It was cancelled, and ${task.agent} is silent.`, 'operator', 'olympus doctor')
        : why(
            task.reason ?? 'It was cancelled.',
            'agent',
            `${task.agent} stops, and says so. What stands in its way: olympus task show ${task.id}`,
          );
    case 'lost':
      return why(`${task.agent} was lost while it worked.`, 'control', 'It is queued again, or fails.');
    case 'completed':
      return why('It is done.', 'nobody', `olympus task show ${task.id}`);
    case 'cancelled':
      return why(task.reason ?? 'It was cancelled.', 'nobody', `olympus task retry ${task.id}`);
    case 'expired':
      return why(task.reason ?? 'Its deadline has passed.', 'requester', `olympus task retry ${task.id}`);
    case 'failed': {
      const failure = failureClasses[task.reason as FailureCode];
      return why(
        failure?.cause ?? task.reason ?? 'It failed.',
        'operator',
        failure?.remedy ?? `olympus task show ${task.id}`,
      );
    }
    case 'rejected': {
      const rejection = rejections[task.reason as RejectionCode];
      return why(
        rejection?.cause ?? task.reason ?? 'It was refused.',
        'requester',
        rejection?.remedy ?? 'Ask again.',
      );
    }
    case 'dead_lettered':
      return why(task.reason ?? deadLetterReasons.max_deliveries.cause, 'operator', 'olympus dlq list');
    default:
      return task.state satisfies never;
  }
}

function whyQueued(
  task: TaskRecord,
  around: Surroundings,
  why: (reason: string, owner: WhyView['owner'], next: string) => WhyView,
): WhyView {
  const { agent, inFlight, now } = around;
  if (task.notBefore > now) {
    const at = new Date(task.notBefore).toISOString();
    return why(task.reason ?? 'It failed, and is tried again.', 'control', `It is released after ${at}.`);
  }
  if (!agent) return why(`${task.agent} has never reported.`, 'operator', `Start olympusd of ${task.agent}.`);
  if (inFlight >= agent.concurrency) {
    const limit = `${task.agent} has ${inFlight} of the ${agent.concurrency} tasks that it takes at once.`;
    return why(limit, 'agent', 'It is released when one of them ends.');
  }
  return why(`It waits for ${task.agent}.`, 'control', 'It is released within seconds.');
}

function silent({ agent }: Surroundings): boolean {
  return agent === undefined || agent.phase === 'Silent';
}

import type { AgentView, WhyView } from '#core/api.ts';
import { failureClasses, failureCodeOf } from '#core/failures.ts';
import { deadLetterReasons } from '#core/messages/dead-letter.ts';
import { type RejectionCode, rejectionForCaller, rejections } from '#core/rejections.ts';
import { isTerminal } from '#core/task-states.ts';
import { whyWaiting } from '../approvals/why-waiting.ts';
import { whyAsked } from '../delegation/why-asked.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';

/** What the answer depends on beside the task itself. */
export interface Surroundings {
  /** Undefined for an agent that has never sent a heartbeat. */
  readonly agent: AgentView | undefined;
  /** How many tasks are out with the agent. */
  readonly inFlight: number;
  /** The latest tries of the tasks that it comes after. */
  readonly after: readonly TaskRecord[];
  /** How it comes after them; undefined when there are none. */
  readonly wait: Pick<Wait, 'enough' | 'until'> | undefined;
  /** What people have to decide for it. */
  readonly pending?: ApprovalRecord | undefined;
  /** What its runs have asked of other agents, and what has not ended. */
  readonly asked?: readonly TaskRecord[];
  readonly now: number;
}

/** Why a task is where it is: exactly one reason, one owner, and the next thing that happens or is to be done. */
export function whyOf(task: TaskRecord, around: Surroundings): WhyView {
  const why: Answer = (reason, owner, next) => ({
    id: task.id,
    state: task.state,
    reason,
    owner,
    next,
  });
  const waits = whyWaiting(task, around.pending) ?? whyAsked(task, around.asked ?? []);
  if (waits) return waits;
  switch (task.state) {
    case 'requested':
    case 'admitted':
      return why('It has just come in.', 'control', 'The control plane decides at once.');
    case 'queued':
      return whyQueued(task, around, why);
    case 'blocked':
      return why(
        blockedBy(around.after) ?? task.reason ?? 'Something it needs is missing.',
        'control',
        nextOfBlocked(around.wait),
      );
    case 'awaiting_approval':
      return why(task.reason ?? 'A person has to decide.', 'approver', 'olympus approve');
    case 'parked':
      return why(
        task.reason ?? 'It waits for what it has asked.',
        'control',
        'What it asks is on its way; `olympus approve` lists what people have to decide.',
      );
    case 'released':
      if (around.agent?.drain) return whyDrained(around.agent, why);
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
      return why(task.reason ?? `${task.agent} was lost while it worked.`, 'operator', 'olympus doctor');
    case 'completed':
      return why('It is done.', 'nobody', `olympus task show ${task.id}`);
    case 'cancelled':
      return why(task.reason ?? 'It was cancelled.', 'nobody', `olympus task retry ${task.id}`);
    case 'expired':
      return why(task.reason ?? 'Its deadline has passed.', 'requester', `olympus task retry ${task.id}`);
    case 'failed': {
      const code = failureCodeOf(task.reason);
      const failure = code && failureClasses[code];
      const detail = code && task.reason?.slice(code.length + 2);
      return why(
        [failure?.cause ?? task.reason ?? 'It failed.', ...(detail ? [`${detail}.`] : [])].join(' '),
        'operator',
        failure?.remedy ?? `olympus task show ${task.id}`,
      );
    }
    case 'rejected': {
      // In a conversation its author was told, and the rest is for who looks after the fleet.
      const rejection = task.conversation
        ? rejections[task.reason as RejectionCode]
        : rejectionForCaller(task.reason ?? '');
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

type Answer = (reason: string, owner: WhyView['owner'], next: string) => WhyView;

function whyQueued(task: TaskRecord, around: Surroundings, why: Answer): WhyView {
  const { agent, inFlight, now } = around;
  if (task.notBefore > now) {
    const at = new Date(task.notBefore).toISOString();
    return why(task.reason ?? 'It failed, and is tried again.', 'control', `It is released after ${at}.`);
  }
  if (!agent) return why(`${task.agent} has never reported.`, 'operator', `Start olympusd of ${task.agent}.`);
  if (agent.drain) return whyDrained(agent, why);
  if (inFlight >= agent.concurrency) {
    const limit = `${task.agent} has ${inFlight} of the ${agent.concurrency} tasks that it takes at once.`;
    return why(limit, 'agent', 'It is released when one of them ends.');
  }
  return why(`It waits for ${task.agent}.`, 'control', 'It is released within seconds.');
}

function whyDrained({ name, drain }: AgentView, why: Answer): WhyView {
  const cause = drain?.why ? `: ${drain.why}` : '';
  return why(
    `${name} gets no new work: drained by ${drain?.by}${cause}.`,
    'operator',
    `olympus agent resume ${name}`,
  );
}

function blockedBy(after: readonly TaskRecord[]): string | undefined {
  const open = after.filter(({ state }) => !isTerminal(state));
  if (open.length === 0) return undefined;
  return `It comes after ${open.map(({ id, agent, state }) => `task ${id} of ${agent}, which is ${state}`).join('; ')}.`;
}

function nextOfBlocked(wait: Surroundings['wait']): string {
  const enough = wait?.enough === undefined ? 'that is there' : `${wait.enough} of them are completed`;
  const until = wait?.until === undefined ? '' : `, at the latest at ${new Date(wait.until).toISOString()}`;
  return `It is queued when ${enough}${until}.`;
}

function silent({ agent }: Surroundings): boolean {
  return agent === undefined || agent.phase === 'Silent';
}

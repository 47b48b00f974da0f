import { delegationHash } from '#core/action.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { noUsage } from '#core/usage.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { RunRecord } from '../../src/control/store/records.ts';
import { arrived, headOf } from './control-without-bus.ts';

/** What happens to a run, as its agent tells control. */
export function eventOf({ id: runId, taskId, epoch, agent }: RunRecord, event: string): BusMessage {
  const message = RunEventMessage.create(headOf(runId), { taskId, runId, epoch, agent, event });
  return arrived(`olympus.runs.${agent}.${runId}.${event}`, message);
}

/** How a run ended, likewise. */
export function resultOf(
  { id: runId, taskId, epoch, attempt, agent }: RunRecord,
  end: Pick<RunResult['data'], 'outcome' | 'summary' | 'failure'>,
): BusMessage {
  const at = new Date().toISOString();
  const result = RunResult.create(headOf(runId), {
    ...{ taskId, runId, epoch, attempt, agent, usage: noUsage },
    ...{ sessionKey: 'key', startedAt: at, finishedAt: at },
    ...end,
  });
  return arrived(`olympus.results.planning.${agent}.${taskId}`, result);
}

/** What a run asks another agent, likewise. */
export async function delegationOf(
  { id: runId, taskId, epoch, agent: asking }: RunRecord,
  agent: string,
  text: string,
): Promise<BusMessage> {
  const key = `agent:${taskId}:${await delegationHash({ agent, text })}`;
  const data = { key, taskId, runId, epoch, expiresInMs: 3_600_000, agent, text };
  return arrived(`olympus.requests.${asking}.delegation`, DelegationRequest.create(headOf(taskId), data));
}

import type { AgentDuty } from '#core/messages/agent-duty.ts';
import type { AgentRecord } from '../store/agent-repository.ts';

/** What an agent has to be told, because its last heartbeat disagrees with the mark that is kept here. */
export function wantedVerb({
  drain,
  heartbeat,
}: Pick<AgentRecord, 'drain' | 'heartbeat'>): AgentDuty['data']['verb'] | undefined {
  // One that says nothing of it is of an older version, which takes new work.
  const takesWork = (heartbeat.duty ?? 'working') === 'working';
  if (drain) return takesWork ? 'drain' : undefined;
  return takesWork ? undefined : 'resume';
}

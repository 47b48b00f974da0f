import type { AgentRecord } from '../store/agent-repository.ts';

/** What is known of an agent when work is given out without a name. */
export interface Candidate {
  readonly record: AgentRecord;
  /** It answers, and all that it needs does. */
  readonly ready: boolean;
  /** How many tasks are out with it. */
  readonly inFlight: number;
}

/**
 * Who takes work that names nobody: an agent of the domain, else a lead. Those that are ready come first, then those
 * with less to do, then by name, so that the same fleet chooses the same. Undefined when there is neither.
 */
export function chooseAgent(
  candidates: readonly Candidate[],
  domain: string | undefined,
): string | undefined {
  const ofDomain = candidates.filter(
    ({ record }) => domain !== undefined && record.heartbeat.domains.includes(domain),
  );
  const leads = candidates.filter(({ record }) => record.heartbeat.role === 'lead');
  return (ofDomain.length > 0 ? ofDomain : leads).toSorted(byReadiness)[0]?.record.name;
}

function byReadiness(one: Candidate, other: Candidate): number {
  if (one.ready !== other.ready) return one.ready ? -1 : 1;
  return one.inFlight - other.inFlight || (one.record.name < other.record.name ? -1 : 1);
}

import type { TurnOutcome } from '#core/harness.ts';
import type { Journal } from '../journal/journal.ts';

/**
 * Whether a run whose turn has ended like this waits for people or other agents and is parked, instead of handing in a
 * result: its turn was told to end for that, or has ended by itself with something still to be decided or answered. What a
 * person has cancelled is over.
 */
export function isToPark(journal: Journal, runId: string, outcome: TurnOutcome): boolean {
  if (journal.runs.isCancelled(runId)) return false;
  const asks = journal.asks.ofRun(runId);
  if (asks.some(({ parkedAt }) => parkedAt !== undefined)) return true;
  return outcome.kind === 'answered' && asks.some(({ decision }) => decision === undefined);
}

/** Whether the run waits for people or other agents within its turn: nothing happens in it meanwhile, and that is right. */
export function isWaiting(journal: Journal, runId: string): boolean {
  return journal.asks
    .ofRun(runId)
    .some(({ decision, parkedAt }) => decision === undefined && parkedAt === undefined);
}

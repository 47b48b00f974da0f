import type { TurnOutcome } from '#core/harness.ts';
import type { Usage } from '#core/usage.ts';
import { classify, sumUsage } from './outcome.ts';
import { callsTool, type History, type HistoryMessage, historyText } from './protocol.ts';

/** What a session's history says about a run. */
export type Trace =
  /** Nothing: the run never began, or was lost before the gateway wrote it down. */
  | { readonly kind: 'none' }
  /** It runs, or the gateway is about to take it up again after a restart. */
  | { readonly kind: 'running' }
  /** It began and nothing shows that it goes on. `attempts` counts the times it began. */
  | {
      readonly kind: 'interrupted';
      readonly attempts: number;
      readonly mayResume: boolean;
      readonly usage: Usage;
    }
  | { readonly kind: 'finished'; readonly outcome: TurnOutcome; readonly answer?: HistoryMessage };

/** The idempotency key of the n-th attempt: the first is the run's own id. */
export function attemptKey(runId: string, attempt: number): string {
  return attempt <= 1 ? runId : `${runId}:${attempt}`;
}

/**
 * Reads what became of a run out of its session's history.
 *
 * Seen on 2026.9.6: the message of a run has the key `<idempotencyKey>:user`; after a crash the gateway adds
 * a message of its own ("[System] Your previous turn was interrupted…", another key, provenance
 * internal_system) and the answer follows that; a failure leaves one assistant row with stopReason "error".
 */
export function traceOf(history: History, runId: string, sessionKey: string): Trace {
  const { messages, sessionInfo } = history;
  const begun = messages.flatMap((message, index) => (isMessageOf(message, runId) ? [index] : []));
  const start = begun.at(-1);
  const pending = history.pendingInputs.items.some((item) => isRun(item.runId, runId));
  if (start === undefined) return pending ? { kind: 'running' } : { kind: 'none' };

  const afterwards = messages.slice(start + 1);
  const next = afterwards.findIndex((message) => message.role === 'user' && !isContinuation(message));
  const rows = (next < 0 ? afterwards : afterwards.slice(0, next)).filter(({ role }) => role === 'assistant');
  const isLast = next < 0;
  if (isLast && sessionInfo.hasActiveRun) return { kind: 'running' };

  const usage = sumUsage(rows);
  const last = rows.at(-1);
  if (last && !callsTool(last)) {
    return { kind: 'finished', answer: last, outcome: outcomeOf(last, sessionKey, usage) };
  }
  if (isLast && sessionInfo.status === 'killed') {
    const message = 'The turn was aborted earlier.';
    return { kind: 'finished', outcome: { kind: 'failed', failure: 'cancelled', message, usage } };
  }
  const mayResume = isLast && sessionInfo.status === 'running';
  return { kind: 'interrupted', attempts: begun.length, mayResume, usage };
}

function outcomeOf(row: HistoryMessage, sessionKey: string, usage: Usage): TurnOutcome {
  const text = historyText(row).trim();
  if (row.stopReason === 'error' || row.stopReason === 'aborted') {
    return { kind: 'failed', failure: classify({ message: text }), message: text.slice(0, 500), usage };
  }
  if (text !== '') return { kind: 'answered', text, usage, sessionKey };
  return { kind: 'failed', failure: 'empty_output', message: 'The turn ended without text.', usage };
}

function isMessageOf(message: HistoryMessage, runId: string): boolean {
  return message.role === 'user' && isRun(message.idempotencyKey?.replace(/:user$/, ''), runId);
}

function isRun(key: string | undefined, runId: string): boolean {
  return key === runId || (key?.startsWith(`${runId}:`) ?? false);
}

/** What the gateway says to the model in its own name does not begin a new turn. */
function isContinuation(message: HistoryMessage): boolean {
  return message.provenance?.kind === 'internal_system' || historyText(message).startsWith('[System] ');
}

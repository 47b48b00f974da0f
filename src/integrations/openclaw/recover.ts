import type { TurnOutcome } from '#core/harness.ts';
import type { Usage } from '#core/usage.ts';
import { classify, sumUsage } from './outcome.ts';
import { callsTool, type History, type HistoryMessage, historyText } from './protocol.ts';

/** What a session's history says about a run. */
export type Trace =
  /** Nothing: the run never began, or was lost before the gateway wrote it down. */
  | { readonly kind: 'none' }
  /** It runs or waits its turn. `gatewayRunId` is what the gateway calls it: another id after a restart. */
  | { readonly kind: 'running'; readonly gatewayRunId: string; readonly resumed: boolean }
  /** It began `attempts` times, and nothing shows that it goes on. */
  | {
      readonly kind: 'interrupted';
      readonly gatewayRunId: string;
      readonly attempts: number;
      /** The gateway has not said yet that it let go of it. */
      readonly mayResume: boolean;
      readonly usage: Usage;
    }
  | {
      readonly kind: 'finished';
      readonly gatewayRunId: string;
      readonly outcome: TurnOutcome;
      /** The row whose text was cut in the history. */
      readonly truncatedId?: string;
    };

/** The idempotency key of the n-th attempt: the first is the run's own id. */
export function attemptKey(runId: string, attempt: number): string {
  return attempt <= 1 ? runId : `${runId}:${attempt}`;
}

/**
 * Reads what became of a run out of its session's history.
 *
 * Seen on 2026.9.6: the message of a run has the key `<idempotencyKey>:user`; after a crash the gateway adds
 * a message of its own ("[System] Your previous turn was interrupted…", another key, provenance
 * internal_system) and the answer follows that; a failure leaves one assistant row with stopReason "error";
 * until it has taken the turn up again, the session's status still says "running".
 */
export function traceOf(history: History, runId: string, sessionKey: string): Trace {
  const { messages, sessionInfo } = history;
  const begun = messages.flatMap((message, index) => (isMessageOf(message, runId) ? [index] : []));
  const start = begun.at(-1);
  const waiting = history.pendingInputs.items.find((item) => isRun(item.runId, runId));
  if (waiting) return { kind: 'running', gatewayRunId: waiting.runId ?? runId, resumed: false };
  if (start === undefined) return { kind: 'none' };

  const gatewayRunId = keyOf(messages[start]) ?? runId;
  const afterwards = messages.slice(start + 1);
  const next = afterwards.findIndex((message) => message.role === 'user' && !isContinuation(message));
  const rows = (next < 0 ? afterwards : afterwards.slice(0, next)).filter(({ role }) => role === 'assistant');
  const isLast = next < 0;
  if (isLast && sessionInfo.hasActiveRun) return runningOf(history, gatewayRunId);

  const usage = sumUsage(rows);
  const last = rows.at(-1);
  if (last && !callsTool(last)) {
    const { id, truncated } = last.__openclaw ?? {};
    const cut = truncated && id !== undefined ? { truncatedId: id } : {};
    return { kind: 'finished', gatewayRunId, outcome: outcomeOfRow(last, sessionKey, usage), ...cut };
  }
  if (isLast && sessionInfo.status === 'killed') {
    const message = 'The turn was aborted earlier.';
    return {
      kind: 'finished',
      gatewayRunId,
      outcome: { kind: 'failed', failure: 'cancelled', message, usage },
    };
  }
  const mayResume = isLast && sessionInfo.status === 'running';
  return { kind: 'interrupted', gatewayRunId, attempts: begun.length, mayResume, usage };
}

/** A run of the gateway's own, right after ours, is ours taken up again. */
function runningOf(history: History, ours: string): Trace {
  const active = [...history.sessionInfo.activeRunIds, history.inFlightRun?.runId].filter(
    (id) => id !== undefined,
  );
  const other = active.includes(ours) ? undefined : active[0];
  return { kind: 'running', gatewayRunId: other ?? ours, resumed: other !== undefined };
}

function outcomeOfRow(row: HistoryMessage, sessionKey: string, usage: Usage): TurnOutcome {
  const text = historyText(row).trim();
  if (row.stopReason === 'error' || row.stopReason === 'aborted') {
    return { kind: 'failed', failure: classify({ message: text }), message: text.slice(0, 500), usage };
  }
  if (text !== '') return { kind: 'answered', text, usage, sessionKey };
  return { kind: 'failed', failure: 'empty_output', message: 'The turn ended without text.', usage };
}

function isMessageOf(message: HistoryMessage, runId: string): boolean {
  return message.role === 'user' && isRun(keyOf(message), runId);
}

function keyOf(message: HistoryMessage | undefined): string | undefined {
  return message?.idempotencyKey?.replace(/:user$/, '');
}

function isRun(key: string | undefined, runId: string): boolean {
  return key === runId || (key?.startsWith(`${runId}:`) ?? false);
}

/** What the gateway says to the model in its own name does not begin a new turn. */
function isContinuation(message: HistoryMessage): boolean {
  return message.provenance?.kind === 'internal_system' || historyText(message).startsWith('[System] ');
}

import type { TurnOutcome } from '#core/harness.ts';
import { noUsage, type Usage } from '#core/usage.ts';
import { classify, sumUsage } from './outcome.ts';
import { callsTool, type History, type HistoryMessage, historyText } from './protocol.ts';

/**
 * Whether the gateway is taking up an interrupted turn of the session: `active`, it runs; `soon`, it may yet.
 * A turn asked for meanwhile fails, in one of several ways.
 */
export type Settling = 'no' | 'soon' | 'active';

/** What a session's history says about a run. */
export type Trace =
  /** Nothing: the run never began, or was lost before the gateway wrote it down. */
  | { readonly kind: 'none'; readonly settling: Settling }
  /** It runs or waits its turn. `gatewayRunId` is what the gateway calls it: another id after a restart. */
  | { readonly kind: 'running'; readonly gatewayRunId: string; readonly resumed: boolean }
  /** It began `attempts` times, and nothing shows that it goes on. */
  | {
      readonly kind: 'interrupted';
      readonly gatewayRunId: string;
      readonly attempts: number;
      readonly settling: Settling;
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

/** The number of the attempt that a key stands for; undefined for the key of another run. */
function attemptOf(key: string | undefined, runId: string): number | undefined {
  if (key === runId) return 1;
  const rest = key?.startsWith(`${runId}:`) ? key.slice(runId.length + 1) : '';
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}

/**
 * Reads what became of a run out of its session's history.
 *
 * Seen on 2026.9.6: the message of a run has the key `<idempotencyKey>:user`; after a crash the gateway adds
 * a message of its own ("[System] Your previous turn was interrupted…", another key, provenance
 * internal_system) and the answer follows that; a failure leaves one assistant row with stopReason "error";
 * until it has taken the turn up again, the session's status still says "running". A message that was accepted
 * and not begun is a pending input; after a crash that is "interrupted", stays so for ever, and is never run.
 */
export function traceOf(history: History, runId: string, sessionKey: string): Trace {
  const pending = pendingAttempts(history, runId);
  const queued = pending.find(({ state }) => state === 'queued');
  if (queued) return { kind: 'running', gatewayRunId: queued.key, resumed: false };

  const begun = begunAttempts(history, runId).at(-1);
  const lost = pending.toSorted((a, b) => a.attempt - b.attempt).at(-1);
  if (lost && lost.attempt > (begun?.attempt ?? 0)) {
    const { key: gatewayRunId, attempt: attempts, state } = lost;
    if (state === 'cancelled') return { kind: 'finished', gatewayRunId, outcome: abortedEarlier(noUsage) };
    return { kind: 'interrupted', gatewayRunId, attempts, settling: settlingOf(history), usage: noUsage };
  }
  return begun ? traceOfBegun(history, begun, sessionKey) : { kind: 'none', settling: settlingOf(history) };
}

interface Attempt {
  readonly key: string;
  readonly attempt: number;
}

function pendingAttempts(history: History, runId: string): (Attempt & { state: string })[] {
  return history.pendingInputs.items.flatMap(({ runId: key, state }) => {
    const attempt = attemptOf(key, runId);
    return attempt === undefined ? [] : [{ key, attempt, state }];
  });
}

function begunAttempts(history: History, runId: string): (Attempt & { index: number })[] {
  return history.messages.flatMap((message, index) => {
    const key = message.role === 'user' ? message.idempotencyKey?.replace(/:user$/, '') : undefined;
    const attempt = attemptOf(key, runId);
    return key === undefined || attempt === undefined ? [] : [{ key, attempt, index }];
  });
}

function traceOfBegun(history: History, begun: Attempt & { index: number }, sessionKey: string): Trace {
  const { messages, sessionInfo } = history;
  const { key: gatewayRunId, attempt: attempts } = begun;
  const afterwards = messages.slice(begun.index + 1);
  const next = afterwards.findIndex(beginsTurn);
  const isLast = next < 0;
  if (isLast && sessionInfo.hasActiveRun) return runningOf(history, gatewayRunId);

  const rows = (isLast ? afterwards : afterwards.slice(0, next)).filter(({ role }) => role === 'assistant');
  const usage = sumUsage(rows);
  const last = rows.at(-1);
  if (last && !callsTool(last)) {
    const { id, truncated } = last.__openclaw ?? {};
    const cut = truncated && id !== undefined ? { truncatedId: id } : {};
    return { kind: 'finished', gatewayRunId, outcome: outcomeOfRow(last, sessionKey, usage), ...cut };
  }
  if (isLast && sessionInfo.status === 'killed') {
    return { kind: 'finished', gatewayRunId, outcome: abortedEarlier(usage) };
  }
  return { kind: 'interrupted', gatewayRunId, attempts, settling: settlingOf(history), usage };
}

function settlingOf({ messages, sessionInfo, inFlightRun, pendingInputs }: History): Settling {
  if (!sessionInfo.hasActiveRun) return sessionInfo.status === 'running' ? 'soon' : 'no';
  const queued = pendingInputs.items.filter(({ state }) => state === 'queued');
  if (queued.some(({ message }) => message.provenance?.kind === 'internal_system')) return 'active';
  const last = messages.findLast(({ role }) => role === 'user');
  if (last && isContinuation(last)) return 'active';
  const known = new Set([
    ...messages.map(({ idempotencyKey }) => idempotencyKey?.replace(/:user$/, '')),
    ...queued.map(({ runId }) => runId),
  ]);
  return [...sessionInfo.activeRunIds, inFlightRun?.runId].some((id) => id !== undefined && !known.has(id))
    ? 'active'
    : 'no';
}

function abortedEarlier(usage: Usage): TurnOutcome {
  return { kind: 'failed', failure: 'cancelled', message: 'The turn was aborted earlier.', usage };
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

/** Whether a row is the message that a turn began with: what the gateway says to the model in its own name begins none. */
export function beginsTurn(message: HistoryMessage): boolean {
  return message.role === 'user' && !isContinuation(message);
}

function isContinuation(message: HistoryMessage): boolean {
  return message.provenance?.kind === 'internal_system' || historyText(message).startsWith('[System] ');
}

import type { FailureCode } from '#core/failures.ts';
import type { TurnOutcome } from '#core/harness.ts';
import { noUsage, type Usage } from '#core/usage.ts';
import type { AgentReply, GatewayUsage } from './protocol.ts';

/** What the gateway or the provider said about a failure. */
export interface Complaint {
  /** The gateway's own class, from `errorObservation.failoverReason` or a retry's `reason`. */
  readonly reason?: string | undefined;
  readonly message: string;
}

/**
 * The gateway's classes, as seen on 2026.9.6: 429 → rate_limit; 500 → server_error; a connection refused,
 * broken or silent → timeout; 401 and 403 → auth; 400 → format.
 */
const byReason: Readonly<Record<string, FailureCode>> = {
  rate_limit: 'model_rate_limited',
  overloaded: 'model_overloaded',
  server_error: 'model_overloaded',
  timeout: 'model_overloaded',
  auth: 'model_auth',
  auth_permanent: 'model_auth',
  billing: 'model_auth',
  format: 'invalid_input',
  context_overflow: 'invalid_input',
  model_not_found: 'config_invalid',
};

/** The gateway's sentences, for what comes without a class: history after a crash, and errors of a whole turn. */
const bySentence: readonly (readonly [RegExp, FailureCode])[] = [
  [/tool-loop|critical loop|loop detect/i, 'stuck_loop'],
  [/couldn.t generate a response|empty response|no visible (reply|text)/i, 'empty_output'],
  [/rate limit|too many requests|\b429\b/i, 'model_rate_limited'],
  [/cooldown|api key|unauthori[sz]ed|authenticat|\b401\b|\b403\b|billing/i, 'model_auth'],
  [/rejected the request|context (window|length)|too large|invalid request/i, 'invalid_input'],
  [/overloaded|timed out|temporar|unavailable|HTTP 5\d\d|network|connection/i, 'model_overloaded'],
];

/** The class of a failure, out of what was said about it. */
export function classify({ reason, message }: Complaint): FailureCode {
  const known = reason === undefined ? undefined : byReason[reason];
  return known ?? bySentence.find(([pattern]) => pattern.test(message))?.[1] ?? 'internal';
}

/**
 * The outcome of a turn that the gateway ended. `seen` is what its events said before: the reply of a turn
 * that failed at the provider holds neither a class nor usage.
 */
export function outcomeOfReply(reply: AgentReply, sessionKey: string, seen: Seen): TurnOutcome {
  const usage = usageOfReply(reply, seen);
  const texts = reply.result?.payloads.filter(({ isError }) => !isError).flatMap(({ text }) => text ?? []);
  const text = texts?.join('\n\n').trim() ?? '';
  if (reply.status === 'ok') {
    if (text !== '') return { kind: 'answered', text, usage, sessionKey };
    return { kind: 'failed', failure: 'empty_output', message: 'The turn ended without text.', usage };
  }
  if (reply.status === 'timeout') return outcomeOfTimeout(reply, usage, seen);
  const said = reply.result?.meta?.error?.message ?? seen.complaint?.message ?? reply.summary ?? reply.status;
  // A turn that got answers and still failed is judged by what is said about the turn, not about one call.
  const reason = reply.result?.meta?.error ? undefined : seen.complaint?.reason;
  return { kind: 'failed', failure: classify({ reason, message: said }), message: said, usage };
}

/**
 * Three things end with status "timeout" and summary "aborted": `sessions.abort` (stopReason "rpc"), the
 * provider's silence (retries with reason "timeout" before it), and the gateway's own limit for the turn.
 */
function outcomeOfTimeout(reply: AgentReply, usage: Usage, seen: Seen): TurnOutcome {
  if (reply.stopReason === 'rpc') {
    return { kind: 'failed', failure: 'cancelled', message: 'The turn was aborted.', usage };
  }
  const said = reply.result?.payloads.flatMap(({ text }) => text ?? []).join(' ') || seen.complaint?.message;
  const silent = seen.complaint !== undefined || /model idle timeout/.test(said ?? '');
  const failure = silent ? classify({ reason: 'timeout', ...seen.complaint, message: '' }) : 'timeout_run';
  return { kind: 'failed', failure, message: said ?? 'The gateway stopped the turn.', usage };
}

/** What the events of a turn have shown so far. */
export interface Seen {
  /** The last complaint about the provider that was not followed by a good answer. */
  readonly complaint?: Complaint | undefined;
  readonly modelCalls: number;
  readonly model?: string | undefined;
}

/** The usage of a failed turn that the gateway reported nothing about. */
export function usageSeen(seen: Seen): Usage {
  return { ...noUsage, modelCalls: seen.modelCalls, ...(seen.model ? { model: seen.model } : {}) };
}

/** Adds up what the gateway wrote about single model calls. */
export function sumUsage(
  rows: readonly { usage?: GatewayUsage | undefined; model?: string | undefined }[],
): Usage {
  const counted = rows.flatMap(({ usage, model }) => (usage ? [{ usage, model }] : []));
  const sum = (pick: (usage: GatewayUsage) => number): number =>
    counted.reduce((total, { usage }) => total + pick(usage), 0);
  const model = counted.findLast((row) => row.model)?.model;
  return {
    inputTokens: sum(({ input }) => input),
    outputTokens: sum(({ output }) => output),
    cacheReadTokens: sum(({ cacheRead }) => cacheRead),
    cacheWriteTokens: sum(({ cacheWrite }) => cacheWrite),
    costMicros: toMicros(sum(({ cost }) => cost?.total ?? 0)),
    modelCalls: counted.length,
    ...(model ? { model } : {}),
  };
}

function usageOfReply(reply: AgentReply, seen: Seen): Usage {
  const meta = reply.result?.meta?.agentMeta;
  if (!meta?.usage) return usageSeen(seen);
  const { usage, costUsd, model } = meta;
  return {
    ...sumUsage([{ usage, model }]),
    ...(costUsd === undefined ? {} : { costMicros: toMicros(costUsd) }),
    modelCalls: Math.max(meta.assistantTurns, seen.modelCalls),
  };
}

function toMicros(amount: number): number {
  return Math.round(amount * 1_000_000);
}

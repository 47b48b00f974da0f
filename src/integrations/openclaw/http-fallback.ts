import { z } from 'zod';
import { OlympusError } from '#core/errors.ts';
import type { FailureCode } from '#core/failures.ts';
import type { Turn, TurnOutcome } from '#core/harness.ts';
import { noUsage, type Usage } from '#core/usage.ts';
import { AGENT_ID } from './config.ts';
import { classify } from './outcome.ts';
import { History } from './protocol.ts';
import { traceOf } from './recover.ts';

export interface HttpFallbackOptions {
  readonly url: string;
  readonly token: string;
  readonly turn: Turn;
  /** The session key as the gateway knows it. */
  readonly key: string;
  /** Called when the turn is begun here: from then on hanging up ends it. */
  readonly onBegin: () => void;
  readonly signal: AbortSignal;
}

const Completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
  usage: z
    .object({
      prompt_tokens: z.int().nonnegative().catch(0),
      completion_tokens: z.int().nonnegative().catch(0),
      prompt_tokens_details: z.object({ cached_tokens: z.int().nonnegative() }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

const Refusal = z.object({
  error: z.object({
    message: z.string().catch(''),
    type: z.string().catch(''),
    code: z.unknown().optional(),
  }),
});

/**
 * One turn over `POST /v1/chat/completions`, for a gateway whose WebSocket cannot be used.
 *
 * It is poorer: no progress, no cost, no usage when it fails, and the gateway ignores idempotency keys here.
 * It looks for what an earlier WebSocket attempt left; hanging up cancels the run, so a process that dies
 * leaves no turn behind. Rejects with `gateway_unavailable` when the gateway does not answer.
 */
export async function runOverHttp(options: HttpFallbackOptions): Promise<TurnOutcome> {
  const { turn, key } = options;
  const past = await request(options, `/sessions/${encodeURIComponent(key)}/history?limit=200`);
  if (past.ok) {
    const trace = traceOf(History.parse(await past.json()), turn.runId, turn.sessionKey);
    if (trace.kind === 'finished') return trace.outcome;
    if (trace.kind !== 'none') {
      throw new OlympusError(
        'gateway_unavailable',
        'The turn was begun over the WebSocket and has not ended.',
      );
    }
  }
  const system = turn.context === '' ? [] : [{ role: 'system', content: turn.context }];
  options.onBegin();
  const response = await request(options, '/v1/chat/completions', {
    model: `openclaw/${AGENT_ID}`,
    messages: [...system, { role: 'user', content: turn.text }],
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) return outcomeOfRefusal(response.status, body);

  const completion = Completion.safeParse(body);
  if (!completion.success) return failed('internal', 'The gateway answered in a form we do not know.');
  const { choices, usage } = completion.data;
  const text = choices[0]?.message.content?.trim() ?? '';
  if (text === '') return failed('empty_output', 'The turn ended without text.', usageOf(usage));
  return { kind: 'answered', text, usage: usageOf(usage), sessionKey: turn.sessionKey };
}

async function request(options: HttpFallbackOptions, path: string, body?: object): Promise<Response> {
  const { url, token, key, signal } = options;
  try {
    return await fetch(new URL(path, url), {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-openclaw-session-key': key,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new OlympusError('gateway_unavailable', `OpenClaw gateway: ${path} was not answered`, {
      cause: error,
    });
  }
}

/** 401 has two meanings: our token is wrong (type "unauthorized"), or the provider refused the model's key. */
function outcomeOfRefusal(status: number, body: unknown): TurnOutcome {
  const refusal = Refusal.safeParse(body);
  const { message, type } = refusal.success ? refusal.data.error : { message: '', type: '' };
  const said = `HTTP ${status} ${type} ${message}`.trim();
  if (status === 503) throw new OlympusError('gateway_unavailable', `OpenClaw gateway: ${said}`);
  if (status === 401 && type === 'unauthorized') return failed('config_invalid', said);
  return failed(byStatus[status] ?? classify({ message }), said);
}

const byStatus: Readonly<Record<number, FailureCode>> = {
  400: 'invalid_input',
  401: 'model_auth',
  403: 'model_auth',
  408: 'model_overloaded',
  413: 'invalid_input',
  429: 'model_rate_limited',
  502: 'model_overloaded',
};

function failed(failure: FailureCode, message: string, usage: Usage = noUsage): TurnOutcome {
  return { kind: 'failed', failure, message, usage };
}

function usageOf(usage: z.output<typeof Completion>['usage']): Usage {
  if (!usage) return noUsage;
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  return {
    ...noUsage,
    inputTokens: Math.max(0, usage.prompt_tokens - cached),
    outputTokens: usage.completion_tokens,
    cacheReadTokens: cached,
    modelCalls: 1,
  };
}

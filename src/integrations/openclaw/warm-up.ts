import type { Turn, TurnOutcome } from '#core/harness.ts';
import { newId } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';

export interface WarmUpOptions {
  readonly run: (turn: Turn, signal: AbortSignal) => Promise<TurnOutcome>;
  readonly timeoutMs: number;
  readonly nowMs: number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The session warm-ups live in; nobody else uses it. */
const WARM_UP_SESSION = 'olympus:warmup';

/**
 * One tiny turn, so that the first person does not wait for everything the gateway loads lazily (3 to 9 s on
 * real hardware, a minute under emulation). Resolves to whether the gateway is good to use: a provider that
 * fails is logged and is no reason to refuse work, because every turn says so by itself.
 */
export async function warmUp({ run, timeoutMs, nowMs, log, signal }: WarmUpOptions): Promise<boolean> {
  const outcome = await run(
    {
      runId: `warmup-${newId(nowMs)}`,
      sessionKey: WARM_UP_SESSION,
      text: 'Reply with the single word OK.',
      context: '',
      timeoutMs,
    },
    signal,
  );
  if (outcome.kind === 'answered') {
    log.info({ usage: outcome.usage }, 'agent is warm');
    return true;
  }
  const { failure, message } = outcome;
  log.warn({ failure, message }, 'warm-up turn failed');
  return failure !== 'gateway_unready' && failure !== 'config_invalid';
}

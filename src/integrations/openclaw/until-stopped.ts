import { messageOf } from '#core/errors.ts';
import type { TurnProgress } from '#core/harness.ts';
import type { Clock } from '#lib/clock.ts';
import { DeadlineError, withDeadline } from '#lib/deadline.ts';
import type { Logger } from '#lib/log.ts';
import type { Connection } from './connection.ts';
import type { Settling, Trace } from './recover.ts';
import type { TurnOverWebSocket } from './turn.ts';

export interface StopContext {
  readonly clock: Clock;
  readonly connect: (signal: AbortSignal) => Promise<Connection>;
  /** Ends the gateway with everything that runs in it, and starts it anew; rejects when that is not certain. */
  readonly restart: (signal: AbortSignal) => Promise<void>;
  readonly stopWithinMs: number;
  readonly restartAgainMs: number;
  readonly resumeGraceMs: number;
  readonly onProgress: (progress: TurnProgress) => void;
  readonly log: Logger;
}

/** So many times what a turn may take to end a gateway may be away before it is restarted: longer than one takes to come up. */
const AWAY_TIMES = 30;
/** The same where it takes connections and says nothing: also one that comes up does so, for a while. */
const SILENT_TIMES = 3;
const LOOK_EVERY_MS = 500;

/**
 * Resolves once a turn is known to have ended. It is told to; if it does not end, its gateway is restarted. A gateway that
 * was killed takes its turns up again, so that it is looked at and told once more after that. Says what stands in
 * the way, each reason once. Rejects only when `signal` aborts.
 */
export async function untilStopped(
  attempt: TurnOverWebSocket,
  context: StopContext,
  signal: AbortSignal,
): Promise<void> {
  const { clock, restart, restartAgainMs, onProgress, log } = context;
  let said = '';
  const say = (detail: string): void => {
    log.warn({ reason: detail }, 'turn does not end');
    if (detail !== said) onProgress({ kind: 'unstopped', detail });
    said = detail;
  };
  while (!(await stops(attempt, context, signal))) {
    signal.throwIfAborted();
    say('it was told to end and did not; its gateway is being restarted');
    try {
      await restart(signal);
    } catch (error) {
      signal.throwIfAborted();
      say(`it goes on, and its gateway could not be restarted: ${messageOf(error)}`);
      await clock.sleep(restartAgainMs, signal);
    }
  }
}

/** Tells the turn to end until it has, or until it was told for too long. */
async function stops(
  attempt: TurnOverWebSocket,
  context: StopContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, stopWithinMs, resumeGraceMs } = context;
  const askedAt = clock.now();
  /** Since when it has answered, gone on after it was told, and only might go on. */
  let answeredAt: number | undefined;
  let activeAt: number | undefined;
  let soonAt: number | undefined;
  let silentAt: number | undefined;
  for (;;) {
    const now = clock.now();
    signal.throwIfAborted();
    const seen = await look(attempt, context, signal);
    signal.throwIfAborted();
    // It had as long to say a word as a turn has to end.
    if (seen === 'deaf') return false;
    const lasts = (since: number | undefined, ms: number): boolean => since !== undefined && now - since > ms;
    if (seen === 'no') return true;
    silentAt = seen === 'silent' ? (silentAt ?? now) : undefined;
    if (lasts(silentAt, SILENT_TIMES * stopWithinMs)) return false;
    if (seen !== undefined && seen !== 'silent') answeredAt ??= now;
    activeAt = seen === 'active' ? (activeAt ?? now) : undefined;
    soonAt = seen === 'soon' ? (soonAt ?? now) : undefined;
    // What may be taken up again, and is not for that long, will not be.
    if (lasts(soonAt, resumeGraceMs)) return true;
    if (seen === 'active' && lasts(activeAt, stopWithinMs)) return false;
    const mayBeAwayMs = answeredAt === undefined ? AWAY_TIMES * stopWithinMs : stopWithinMs;
    if (seen === undefined && lasts(answeredAt ?? askedAt, mayBeAwayMs)) return false;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/**
 * Tells the turn to end, and whether it is at work after that; `deaf` where the gateway has a connection and says nothing on
 * it, `silent` where it takes one and says nothing, undefined where it takes none, or refuses.
 */
async function look(
  attempt: TurnOverWebSocket,
  { connect, stopWithinMs }: StopContext,
  signal: AbortSignal,
): Promise<Settling | 'deaf' | 'silent' | undefined> {
  // Away: asked again, for a while.
  const connection = await connect(signal).catch((error: Error) =>
    error.cause instanceof DeadlineError ? ('silent' as const) : undefined,
  );
  if (connection === undefined || connection === 'silent') return connection;
  try {
    return await withDeadline('telling the turn to end', stopWithinMs, signal, async (within) => {
      await attempt.abort(connection, within);
      return atWork(await attempt.look(connection, within));
    });
  } catch (error) {
    return error instanceof DeadlineError ? 'deaf' : undefined;
  }
}

function atWork(trace: Trace): Settling {
  switch (trace.kind) {
    case 'running':
      return 'active';
    case 'interrupted':
    case 'none':
      return trace.settling;
    case 'finished':
      return 'no';
  }
}

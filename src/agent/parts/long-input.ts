import { messageOf } from '#core/errors.ts';
import type { TurnOutcome } from '#core/harness.ts';
import { noUsage } from '#core/usage.ts';
import { fullJitter } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import { type ControlApi, getFromControl } from './control-api.ts';

export interface LongInputOptions {
  readonly api: ControlApi | undefined;
  readonly journal: Journal;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A run with all of what it is asked, or why it ends without a turn. */
export type WithInput =
  | { readonly kind: 'there'; readonly run: JournaledRun }
  | { readonly kind: 'ended'; readonly outcome: TurnOutcome };

const BACKOFF = { baseMs: 500, capMs: 10_000 };
/** What will be answered the same the next time: it is nobody's run, or its text is gone. */
const FOR_GOOD = new Set([400, 401, 403, 404, 410]);

/**
 * Brings a run the whole of what it is asked, where its message has the beginning. Control is asked until it answers,
 * within the time of the run: a former process may have begun the turn, so that giving up would have it done twice.
 * `onWait` is told before each further attempt. Rejects when `signal` aborts.
 */
export function longInput({
  api,
  journal,
  log,
  clock,
}: LongInputOptions): (run: JournaledRun, onWait: () => void, signal: AbortSignal) => Promise<WithInput> {
  return async (run, onWait, signal) => {
    const { runId, dispatch, startedAt = clock.now() } = run;
    if (!dispatch.input.isBeginning) return { kind: 'there', run };
    if (!api) return failed('input_unavailable', 'OLYMPUS_CONTROL_URL is not set.');
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await fetchInput(api, runId, signal);
        if (!answer.ok) return failed('input_unavailable', answer.sentence);
        const input = { ...dispatch.input, text: answer.text };
        return { kind: 'there', run: { ...run, dispatch: { ...dispatch, input } } };
      } catch (error) {
        signal.throwIfAborted();
        if (attempt === 0) log.warn({ runId, err: error }, 'the text of this run cannot be fetched yet');
        if (clock.now() >= startedAt + dispatch.startToCloseMs)
          return failed('timeout_run', messageOf(error));
      }
      if (journal.runs.isCancelled(runId)) return failed('cancelled', 'Cancelled before it began.');
      onWait();
      await clock.sleep(fullJitter(attempt, BACKOFF), signal);
    }
  };
}

type Fetched =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly sentence: string };

/** Throws what may pass. */
async function fetchInput(api: ControlApi, runId: string, signal: AbortSignal): Promise<Fetched> {
  const got = await getFromControl(api, `/v1/runs/${runId}/input`, 'the text of a run', signal);
  if (got.ok) return { ok: true, text: got.body.toString() };
  if (FOR_GOOD.has(got.status)) return got;
  throw new Error(got.sentence);
}

function failed(failure: Extract<TurnOutcome, { kind: 'failed' }>['failure'], message: string): WithInput {
  return { kind: 'ended', outcome: { kind: 'failed', failure, message, usage: noUsage } };
}

import type { Turn } from '#core/harness.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { Rung } from '../journal/rung-store.ts';

/** What is done at each level before the run is given up. */
export const rungs = ['first', 'nudged', 'afresh'] as const;

/** A gateway that is asked for less than this says no. */
const SHORTEST_MS = 1_000;

/** The id of the turn at this level: the run's own for its first, so that what began before an upgrade is found again. */
export function turnIdAt(runId: string, level: number): string {
  return level <= 0 ? runId : `${runId}-${rungs[level] ?? rungs.at(-1)}`;
}

/** Whether this is the id of a turn of the run. */
export function isTurnOf(turnId: string, runId: string): boolean {
  return rungs.some((_, level) => turnIdAt(runId, level) === turnId);
}

/** The turn that a run is on; `more` is what it is told about its task besides. All turns of a run share its time. */
export function turnAt(run: JournaledRun, { level, tried }: Rung, now: number, more = ''): Turn {
  const { dispatch, runId } = run;
  const { key } = dispatch.session;
  const leftMs = (run.startedAt ?? now) + dispatch.startToCloseMs - now;
  const common = {
    runId: turnIdAt(runId, level),
    context: `Task ${dispatch.taskId}, asked by @${dispatch.input.requester}.${more}`,
    timeoutMs: level === 0 ? dispatch.startToCloseMs : Math.max(SHORTEST_MS, leftMs),
  };
  switch (rungs[level]) {
    case 'first':
      return { ...common, sessionKey: key, text: dispatch.input.text };
    case 'nudged':
      return { ...common, sessionKey: key, text: NUDGE };
    default:
      return {
        ...common,
        sessionKey: `${key}:${runId}`,
        text: `${dispatch.input.text}\n\n${afresh(tried)}`,
      };
  }
}

const NUDGE =
  'You were interrupted, because you repeat the same steps and get the same results. Do not do that again. Look at what you have ' +
  'learned, choose another way, and answer what you were asked. If it cannot be done, say so and say why; if you have to ' +
  'wait for something, wait with one call.';

function afresh(tried: string): string {
  return `This is a new beginning: an earlier attempt went round in circles and was stopped. It had tried, over and over:\n${tried}\nTake another way. If there is none, say so and say why.`;
}

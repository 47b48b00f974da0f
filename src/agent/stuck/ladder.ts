import type { Harness, TurnOutcome, TurnProgress } from '#core/harness.ts';
import { addUsage } from '#core/usage.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { RunReports } from '../parts/run-reports.ts';
import { SIGNS_OF_SUSPICION, StuckDetector, type StuckLimits } from './detector.ts';
import { rungs, turnAt, turnIdAt } from './turns.ts';

export interface LadderOptions {
  readonly journal: Journal;
  readonly reports: RunReports;
  readonly harness: Harness;
  /** What each turn is told about its task besides. */
  readonly howToAsk: (taskId: string) => string;
  readonly limits: StuckLimits;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

const LOOK_EVERY_MS = 5_000;
/** How many of the last calls a new beginning is told about. */
const TOLD = 6;

/** What people read when a run has come to a level. */
const SENTENCES = [
  '',
  'it was interrupted and told to take another way',
  'it begins anew, in a new session',
  'it was given up',
];

/**
 * Takes a run through its turns. One that goes round in circles is interrupted and told so in its own session, then begun
 * once more in a new session, then given up as `stuck_loop`. Each rung is in the journal before its turn is touched:
 * a process that finds it there ends the turn before, if that still runs, and climbs no further for it.
 */
export class Ladder {
  readonly #options: LadderOptions;

  constructor(options: LadderOptions) {
    this.#options = options;
  }

  /** Ends the turn that this run is on; what waits for it is told that it was cancelled. */
  abort(runId: string, signal: AbortSignal): Promise<void> {
    const { journal, harness } = this.#options;
    const { level } = journal.rungs.of(runId);
    return harness.abort(turnIdAt(runId, Math.min(level, rungs.length - 1)), signal);
  }

  /** Ends the turn of a run that nothing here waits for, and tells what became of it. Nothing of it is begun. */
  async end(run: JournaledRun, level: number, signal: AbortSignal): Promise<TurnOutcome> {
    const { journal, harness, clock } = this.#options;
    const turn = turnAt(run, { ...journal.rungs.of(run.runId), level }, clock.now());
    const outcome = harness.run(turn, () => undefined, signal);
    await harness.abort(turn.runId, signal).catch(() => undefined); // The outcome tells what became of it.
    return outcome;
  }

  /** The outcome of the run, with all that its turns have used. */
  async climb(
    run: JournaledRun,
    onProgress: (progress: TurnProgress) => void,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { journal } = this.#options;
    let rung = journal.rungs.of(run.runId);
    if (rung.level > 0) {
      // A former process has climbed: the turn before may not have been ended.
      const before = await this.end(run, rung.level - 1, signal);
      if (before.kind === 'answered') return { ...before, usage: addUsage(rung.spent, before.usage) };
    }
    while (rung.level < rungs.length) {
      const outcome = await this.#turn(run, rung.level, onProgress, signal);
      // The gateway has a guard of its own, which also sees what is hidden from a process that came in between.
      if (outcome.kind === 'failed' && outcome.failure === 'stuck_loop') {
        await this.#climbTo(run, rung.level + 1, [outcome.message], []);
      }
      const usage = addUsage(journal.rungs.of(run.runId).spent, outcome.usage);
      const { level } = journal.rungs.of(run.runId);
      if (outcome.kind === 'answered' || level === rung.level || !this.#wanted(run.runId)) {
        return { ...outcome, usage };
      }
      await journal.transaction(() => journal.rungs.spend(run.runId, usage));
      rung = journal.rungs.of(run.runId);
    }
    const message = 'It went round in circles, also after it was told so, and in a new session.';
    return { kind: 'failed', failure: 'stuck_loop', message, usage: rung.spent };
  }

  async #turn(
    run: JournaledRun,
    level: number,
    onProgress: (progress: TurnProgress) => void,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { journal, harness, howToAsk, limits, clock, log } = this.#options;
    const more = howToAsk(run.dispatch.taskId);
    const turn = turnAt(run, journal.rungs.of(run.runId), clock.now(), more);
    const detector = new StuckDetector(limits);
    const calls: string[] = [];
    const judge = async (): Promise<void> => {
      const signs = detector.signs(clock.now());
      if (signs.length < SIGNS_OF_SUSPICION || !(await this.#climbTo(run, level + 1, signs, calls))) return;
      harness.abort(turn.runId, signal).catch((error) => log.warn({ err: error }, 'stuck turn goes on'));
    };
    const notJudged = (error: unknown): void =>
      log.error({ err: error, runId: run.runId }, 'turn could not be judged');
    const loop = new Loop({
      clock,
      round: async () => {
        await judge();
        return LOOK_EVERY_MS;
      },
      onError: notJudged,
    });
    loop.start();
    try {
      return await harness.run(
        turn,
        (progress) => {
          detector.take(progress, clock.now());
          if (progress.step) calls.push(`${progress.step.tool} ${progress.step.shown}`);
          if (calls.length > TOLD) calls.shift();
          onProgress(progress);
          if (progress.step) judge().catch(notJudged);
        },
        signal,
      );
    } finally {
      await loop.stop();
    }
  }

  /** Neither cancelled nor left to another daemon. */
  #wanted(runId: string): boolean {
    const { runs } = this.#options.journal;
    return runs.get(runId)?.state === 'running' && !runs.isCancelled(runId);
  }

  /** Writes the rung down and tells people; false when the run is there already, or nobody wants it any more. */
  async #climbTo(
    run: JournaledRun,
    level: number,
    signs: readonly string[],
    calls: readonly string[],
  ): Promise<boolean> {
    const { journal, reports, onAdded, log } = this.#options;
    const why = [...new Set(signs)].join('; ');
    const tried = [...new Set(calls)].map((call) => `- ${call}`).join('\n');
    const climbed = await journal.transaction(() => {
      const { level: reached, spent } = journal.rungs.of(run.runId);
      if (reached >= level || !this.#wanted(run.runId)) return false;
      journal.rungs.climb(run.runId, { level, spent, tried });
      reports.tell(run.dispatch, 'stuck', `${why}: ${SENTENCES[level]} (run ${run.dispatch.attempt})`);
      return true;
    });
    if (!climbed) return false;
    log.warn({ runId: run.runId, level, why }, 'run goes round in circles');
    onAdded();
    return true;
  }
}

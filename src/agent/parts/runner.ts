import { OlympusError } from '#core/errors.ts';
import type { TurnOutcome, TurnProgress } from '#core/harness.ts';
import type { AgentCommand } from '#core/messages/agent-command.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { noUsage } from '#core/usage.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Clock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import { isToPark } from '../actions/parking.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { Ladder } from '../stuck/ladder.ts';
import type { Attention } from './attention.ts';
import type { Lease } from './lease.ts';
import type { longInput } from './long-input.ts';
import type { Presence } from './presence.ts';
import { type RunReports, resultKey } from './run-reports.ts';
import { tellingOfTools } from './tool-events.ts';

type Dispatch = TaskDispatch['data'];

export interface RunnerOptions {
  readonly journal: Journal;
  readonly reports: RunReports;
  readonly ladder: Ladder;
  readonly attention: Attention;
  readonly lease: Pick<Lease, 'held'>;
  readonly presence: Presence;
  readonly withInput: ReturnType<typeof longInput>;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  /** Resolves when the entry with this key is on the bus. */
  readonly sent: (key: string, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
}

const NEVER = new AbortController().signal;
const LOST: TurnOutcome = {
  kind: 'failed',
  failure: 'agent_lost',
  message: 'This daemon had lost its lease, and left the run.',
  usage: noUsage,
};

interface UnderWay {
  /** All deliveries of its message that are not acknowledged yet. */
  readonly messages: BusMessage[];
  /** Aborted when it is given up. */
  readonly left: AbortController;
}

/**
 * Takes one run from claim to published result, from wherever a former process left it.
 * INVARIANT: each state is in the journal before the call it announces, and the outcome before its message.
 */
export class Runner {
  readonly #options: RunnerOptions;
  /** The runs under way in this process. */
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get runIds(): string[] {
    return [...this.#underWay.keys()];
  }

  /**
   * Writes the claim down, and with it the start, which alone is told then; without the lease the run begins later. One that
   * is cancelled, superseded by a later run of its task, or past its deadline is discarded at once.
   */
  async claim(dispatch: Dispatch): Promise<JournaledRun> {
    const { journal, reports, presence, lease, onAdded } = this.#options;
    const { runId } = dispatch;
    const claimed = await journal.transaction(() => {
      const known = journal.runs.get(runId);
      if (known) return known;
      const run = journal.runs.claim(dispatch, newNonce());
      const why = this.#whyDiscarded(dispatch);
      if (why) {
        reports.tell(dispatch, 'discarded', why);
        return journal.runs.advance(runId, 'discard');
      }
      presence.claimed(dispatch);
      reports.tell(dispatch, lease.held ? 'started' : 'claimed');
      return lease.held ? journal.runs.advance(runId, 'start') : run;
    });
    onAdded();
    return claimed;
  }

  /**
   * Takes the run to its end: result on the bus, then every delivery of its message acknowledged. A delivery of a run
   * that is under way joins it at once, so that it holds no place while the first goes on.
   * A run that is given up meanwhile is left without a word. Rejects when `signal` aborts, and when the lease is not held:
   * the journal knows how to go on.
   */
  async finish(run: JournaledRun, message: BusMessage | undefined, signal: AbortSignal): Promise<void> {
    const joined = this.#underWay.get(run.runId);
    if (joined) {
      if (message) joined.messages.push(message);
      return;
    }
    const underWay = { messages: message ? [message] : [], left: new AbortController() };
    this.#underWay.set(run.runId, underWay);
    try {
      await this.#finish(run, underWay, signal);
      for (const each of underWay.messages) await each.ack();
    } catch (error) {
      if (!underWay.left.signal.aborted) throw error;
      this.#options.log.info({ runId: run.runId }, 'run given up');
    } finally {
      this.#underWay.delete(run.runId);
    }
  }

  /**
   * Has the run end, now or when its message comes. Resolves once that is written down, so that the next process knows,
   * with what then stops a turn under way: it ends as cancelled, unless its answer was there already. Of a run that was
   * not taken it is told at once that it is discarded: its message may not come for long, as while the gateway is away.
   */
  async cancel({ taskId, runId, epoch }: AgentCommand['data']): Promise<() => Promise<void>> {
    const { journal, ladder, lease, reports, onAdded } = this.#options;
    await journal.transaction(() => {
      const { runs } = journal;
      // Without the lease another daemon may be at work on it.
      if (epoch !== undefined && lease.held && !runs.get(runId) && !runs.isCancelled(runId)) {
        reports.tell({ taskId, runId, epoch }, 'discarded', 'cancelled');
      }
      runs.cancel(runId);
    });
    onAdded();
    return () => ladder.abort(runId, NEVER);
  }

  /**
   * Leaves every open run to the daemon that holds the lease now: written down, and what was to be said of it taken back,
   * before its turn is ended. Done a second time it finds nothing.
   */
  async giveUp(): Promise<void> {
    const { journal, reports, log } = this.#options;
    const given = await journal.transaction(() => {
      const open = journal.runs.open();
      for (const { runId } of open) {
        journal.runs.advance(runId, 'abandon');
        reports.takeBack(runId);
      }
      return open;
    });
    for (const run of given) {
      log.warn({ runId: run.runId, state: run.state }, 'run left to another daemon');
      const underWay = this.#underWay.get(run.runId);
      underWay?.left.abort(new Error('left to another daemon'));
      if (run.state === 'running') this.#endTurn(run, underWay !== undefined);
    }
  }

  /** Why nothing of this run is to be begun; undefined when it is to be. */
  #whyDiscarded(dispatch: Dispatch): string | undefined {
    const { journal, clock } = this.#options;
    if (journal.runs.isCancelled(dispatch.runId)) return 'cancelled';
    if (journal.runs.isSuperseded(dispatch)) return 'superseded by a later run';
    return Date.parse(dispatch.deadline) <= clock.now() ? 'past its deadline' : undefined;
  }

  /** Ends a turn whose outcome nobody wants any more. */
  #endTurn(run: JournaledRun, waitedFor: boolean): void {
    const { journal, ladder, log } = this.#options;
    const { level } = journal.rungs.of(run.runId);
    const ended = waitedFor ? ladder.abort(run.runId, NEVER) : ladder.end(run, level, NEVER);
    ended.catch((error) =>
      log.warn({ runId: run.runId, err: error }, 'turn of a run that was given up goes on'),
    );
  }

  async #finish(run: JournaledRun, underWay: UnderWay, signal: AbortSignal): Promise<void> {
    const { journal, sent } = this.#options;
    const { left } = underWay;
    if (run.state === 'published' || run.state === 'discarded') return;
    if (run.state === 'abandoned') await this.#end(run, LOST);
    else if (run.state !== 'finished' && run.state !== 'parked') {
      const outcome = await this.#turn(run, underWay, signal);
      left.signal.throwIfAborted();
      await this.#end(run, outcome);
    }
    await sent(resultKey(run.runId), AbortSignal.any([signal, left.signal]));
    // A crash before it is written brings the run back as finished, and its result goes out under the same id.
    await journal.note(() => journal.runs.advance(run.runId, 'publish'));
  }

  async #turn(run: JournaledRun, underWay: UnderWay, signal: AbortSignal): Promise<TurnOutcome> {
    const { journal, attention, ladder, lease, reports, withInput, log, onAdded } = this.#options;
    const { dispatch } = run;
    if (!lease.held) throw new OlympusError('lease_not_held', `run ${run.runId} is not begun`);
    if (run.state === 'claimed' && journal.runs.isCancelled(run.runId)) {
      return { kind: 'failed', failure: 'cancelled', message: 'Cancelled before it began.', usage: noUsage };
    }
    if (run.state === 'claimed') {
      await journal.transaction(() => {
        journal.runs.advance(run.runId, 'start');
        reports.tell(dispatch, 'started');
      });
      onAdded();
    }
    log.info({ runId: run.runId, taskId: dispatch.taskId, attempt: dispatch.attempt }, 'run started');
    return attention.during(
      dispatch,
      () => {
        // Without the lease it may be another's to do.
        if (lease.held) for (const message of underWay.messages) message.working();
      },
      async (onProgress) => {
        const given = await withInput(run, onProgress, AbortSignal.any([signal, underWay.left.signal]));
        underWay.left.signal.throwIfAborted();
        // It may have waited for long: the lease may be another's by now.
        if (!lease.held) throw new OlympusError('lease_not_held', `run ${run.runId} is not begun`);
        if (given.kind === 'there') return this.#ask(given.run, underWay, onProgress, signal);
        // A former process may have begun the turn: it is ended, and what it has answered counts.
        const found = await ladder.end(run, journal.rungs.of(run.runId).level, signal);
        return found.kind === 'answered' ? found : given.outcome;
      },
      signal,
    );
  }

  #ask(
    run: JournaledRun,
    { left }: UnderWay,
    onProgress: () => void,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { journal, ladder, presence, reports, log, clock, onAdded } = this.#options;
    const { dispatch, runId } = run;
    const tell = async (kind: 'tool' | 'unstopped', detail: string | undefined): Promise<void> => {
      await journal.transaction(() => {
        // It may have been left to another daemon meanwhile.
        if (journal.runs.get(runId)?.state === 'running') reports.tell(dispatch, kind, detail);
      });
      onAdded();
    };
    const onError = (error: unknown): void => log.warn({ err: error, runId }, 'progress not told');
    return tellingOfTools({ tell: (tool) => tell('tool', tool), onError, clock }, (called) => {
      const outcome = ladder.climb(
        { ...(journal.runs.get(runId) ?? run), dispatch },
        (progress: TurnProgress) => {
          const { kind, detail } = progress;
          if (kind !== 'unheard') onProgress();
          if (left.signal.aborted) return;
          presence.heard(runId, progress);
          if (kind === 'tool') called(detail);
          if (kind === 'unstopped') tell(kind, detail).catch(onError);
        },
        signal,
      );
      // Cancelled while a former process had it: that is known only once this one waits for it.
      if (journal.runs.isCancelled(runId)) {
        ladder.abort(runId, signal).catch(() => undefined); // The outcome tells what became of it.
      }
      return outcome;
    });
  }

  /** Writes down how the run has ended: with a result, or parked, to go on in another one once people have decided. */
  async #end(run: JournaledRun, outcome: TurnOutcome): Promise<void> {
    const { journal, reports, log, onAdded } = this.#options;
    const parks = outcome !== LOST && isToPark(journal, run.runId, outcome);
    await journal.transaction(() => {
      if (outcome !== LOST && journal.runs.get(run.runId)?.state === 'abandoned') {
        throw new OlympusError('lease_not_held', `run ${run.runId} was left to another daemon`);
      }
      journal.runs.advance(run.runId, parks ? 'park' : 'finish');
      if (parks) reports.parked(run.dispatch, outcome.usage);
      else reports.result(run, outcome);
    });
    const failure = outcome.kind === 'failed' ? outcome.failure : undefined;
    log.info({ runId: run.runId, ...(parks ? {} : { failure }) }, parks ? 'run parked' : 'run finished');
    onAdded();
  }
}

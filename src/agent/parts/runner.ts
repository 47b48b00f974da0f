import type { Harness, TurnOutcome } from '#core/harness.ts';
import { RunEventMessage, type runEventKinds } from '#core/messages/run-event.ts';
import { RunResult } from '#core/messages/run-result.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import type { Subjects } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Clock } from '#lib/clock.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { Attention } from './attention.ts';
import { addResult, withinMessage } from './long-answer.ts';
import type { Presence } from './presence.ts';

type Dispatch = TaskDispatch['data'];

export interface RunnerOptions {
  readonly fleet: string;
  readonly agent: string;
  readonly subjects: Subjects;
  readonly journal: Journal;
  readonly harness: Harness;
  readonly attention: Attention;
  readonly presence: Presence;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  /** Resolves when the entry with this key is on the bus. */
  readonly sent: (key: string, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
}

const NEVER = new AbortController().signal;

/**
 * Takes one run from claim to published result, from wherever a former process left it.
 * INVARIANT: each state is in the journal before the call it announces, and the outcome before its message.
 */
export class Runner {
  readonly #options: RunnerOptions;
  /** The runs under way in this process, each with all deliveries of its message that are not acknowledged yet. */
  readonly #underWay = new Map<string, BusMessage[]>();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get runIds(): string[] {
    return [...this.#underWay.keys()];
  }

  /** Writes the claim down; a run that is cancelled, or past its deadline, is discarded at once. */
  async claim(dispatch: Dispatch): Promise<JournaledRun> {
    const { journal, presence, clock, onAdded } = this.#options;
    const { runId, deadline } = dispatch;
    const claimed = await journal.transaction(() => {
      const known = journal.runs.get(runId);
      if (known) return known;
      const run = journal.runs.claim(dispatch, newNonce());
      const cancelled = journal.runs.isCancelled(runId);
      if (cancelled || Date.parse(deadline) <= clock.now()) {
        this.#tell(dispatch, 'discarded', cancelled ? 'cancelled' : 'past its deadline');
        return journal.runs.advance(runId, 'discard');
      }
      this.#tell(dispatch, 'claimed');
      presence.claimed(dispatch);
      return run;
    });
    onAdded();
    return claimed;
  }

  /**
   * Takes the run to its end: result on the bus, then every delivery of its message acknowledged. A delivery of a run
   * that is under way joins it at once, so that it holds no place while the first goes on.
   * Rejects only when `signal` aborts: the journal knows how to go on.
   */
  async finish(run: JournaledRun, message: BusMessage | undefined, signal: AbortSignal): Promise<void> {
    const joined = this.#underWay.get(run.runId);
    if (joined) {
      if (message) joined.push(message);
      return;
    }
    const messages = message ? [message] : [];
    this.#underWay.set(run.runId, messages);
    try {
      await this.#finish(run, messages, signal);
      for (const each of messages) await each.ack();
    } finally {
      this.#underWay.delete(run.runId);
    }
  }

  /**
   * Has the run end, now or when its message comes. Resolves once that is written down, so that the next process knows,
   * with what then stops a turn under way: it ends as cancelled, unless its answer was there already.
   */
  async cancel(runId: string): Promise<() => Promise<void>> {
    const { journal, harness } = this.#options;
    await journal.transaction(() => journal.runs.cancel(runId));
    return () => harness.abort(runId, NEVER);
  }

  async #finish(run: JournaledRun, messages: readonly BusMessage[], signal: AbortSignal): Promise<void> {
    const { journal, sent } = this.#options;
    if (run.state === 'published' || run.state === 'discarded') return;
    if (run.state !== 'finished') {
      const outcome = await this.#turn(run, messages, signal);
      await this.#record(run, outcome);
    }
    await sent(resultKey(run.runId), signal);
    await journal.transaction(() => journal.runs.advance(run.runId, 'publish'));
  }

  async #turn(run: JournaledRun, messages: readonly BusMessage[], signal: AbortSignal): Promise<TurnOutcome> {
    const { journal, attention, log, onAdded } = this.#options;
    const { dispatch } = run;
    if (run.state === 'claimed' && journal.runs.isCancelled(run.runId)) {
      return { kind: 'failed', failure: 'cancelled', message: 'Cancelled before it began.', usage: noUsage };
    }
    if (run.state === 'claimed') {
      await journal.transaction(() => {
        journal.runs.advance(run.runId, 'start');
        this.#tell(dispatch, 'started');
      });
      onAdded();
    }
    log.info({ runId: run.runId, taskId: dispatch.taskId, attempt: dispatch.attempt }, 'run started');
    return attention.during(
      dispatch,
      () => {
        for (const message of messages) message.working();
      },
      (onProgress) => this.#ask(run, onProgress, signal),
      signal,
    );
  }

  #ask(run: JournaledRun, onProgress: () => void, signal: AbortSignal): Promise<TurnOutcome> {
    const { journal, harness, log, onAdded } = this.#options;
    const { dispatch, runId } = run;
    const outcome = harness.run(
      {
        runId,
        sessionKey: dispatch.session.key,
        text: dispatch.input.text,
        context: `Task ${dispatch.taskId}, asked by @${dispatch.input.requester}.`,
        timeoutMs: dispatch.startToCloseMs,
      },
      (progress) => {
        onProgress();
        if (progress.kind !== 'tool') return;
        journal
          .transaction(() => this.#tell(dispatch, 'tool', progress.detail))
          .then(onAdded, (error) => log.warn({ err: error, runId }, 'progress not told'));
      },
      signal,
    );
    // Cancelled while a former process had it: that is known only once this one waits for it.
    if (journal.runs.isCancelled(runId)) {
      harness.abort(runId, signal).catch(() => undefined); // The outcome tells what became of it.
    }
    return outcome;
  }

  async #record(run: JournaledRun, outcome: TurnOutcome): Promise<void> {
    const { journal, subjects, clock, fleet, agent, log, onAdded } = this.#options;
    const { dispatch } = run;
    const answer = outcome.kind === 'answered' ? outcome.text : '';
    const result = RunResult.create(
      {
        id: newId(clock.now()),
        source: `/fleets/${fleet}/agents/${agent}`,
        subject: `task/${dispatch.taskId}/run/${run.runId}`,
        time: new Date(clock.now()).toISOString(),
      },
      {
        taskId: dispatch.taskId,
        runId: run.runId,
        epoch: dispatch.epoch,
        attempt: dispatch.attempt,
        agent,
        outcome:
          outcome.kind === 'answered' ? 'success' : outcome.failure === 'cancelled' ? 'cancelled' : 'failed',
        ...(outcome.kind === 'failed'
          ? { failure: { class: outcome.failure, message: outcome.message } }
          : {}),
        summary: withinMessage(answer),
        usage: outcome.usage,
        sessionKey: dispatch.session.key,
        startedAt: new Date(run.startedAt ?? run.claimedAt).toISOString(),
        finishedAt: new Date(clock.now()).toISOString(),
      },
    );
    await journal.transaction(() => {
      journal.runs.advance(run.runId, 'finish');
      const message = {
        subject: subjects.result(dispatch.domain, agent, dispatch.taskId),
        msgId: `${run.runId}:result:${run.nonce}`,
        body: JSON.stringify(result),
      };
      addResult(journal.outbox, resultKey(run.runId), message, answer);
    });
    log.info(
      { runId: run.runId, outcome: result.data.outcome, failure: result.data.failure?.class },
      'run finished',
    );
    onAdded();
  }

  /** Puts a run event into the outbox; to be called inside a transaction. */
  #tell(dispatch: Dispatch, event: (typeof runEventKinds)[number], detail?: string): void {
    const { journal, subjects, clock, fleet, agent } = this.#options;
    const id = newId(clock.now());
    const message = RunEventMessage.create(
      {
        id,
        source: `/fleets/${fleet}/agents/${agent}`,
        subject: `task/${dispatch.taskId}/run/${dispatch.runId}`,
        time: new Date(clock.now()).toISOString(),
      },
      {
        taskId: dispatch.taskId,
        runId: dispatch.runId,
        epoch: dispatch.epoch,
        agent,
        event,
        ...(detail ? { detail: detail.slice(0, 1024) } : {}),
      },
    );
    journal.outbox.addBus(`run:${dispatch.runId}:${event}:${id}`, {
      subject: subjects.runEvent(agent, dispatch.runId, event),
      msgId: `${dispatch.runId}:${event}:${newNonce()}`,
      body: JSON.stringify(message),
    });
  }
}

function resultKey(runId: string): string {
  return `result:${runId}`;
}

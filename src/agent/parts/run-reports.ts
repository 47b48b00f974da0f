import type { TurnOutcome } from '#core/harness.ts';
import { RunEventMessage, type runEventKinds } from '#core/messages/run-event.ts';
import { RunResult } from '#core/messages/run-result.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import type { Subjects } from '#core/subjects.ts';
import type { Usage } from '#core/usage.ts';
import type { Clock } from '#lib/clock.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import { addResult, uploadKey, withinMessage } from './long-answer.ts';

export interface RunReportsOptions {
  readonly fleet: string;
  readonly agent: string;
  readonly subjects: Subjects;
  readonly journal: Journal;
  readonly clock: Clock;
}

type Dispatch = TaskDispatch['data'];
/** What an event says of its run. */
type RunIds = Pick<Dispatch, 'taskId' | 'runId' | 'epoch'>;

const DETAIL_LIMIT = 1024;

/** What control is told of runs. Each is put into the outbox, and belongs into the transaction of what it tells. */
export class RunReports {
  readonly #options: RunReportsOptions;

  constructor(options: RunReportsOptions) {
    this.#options = options;
  }

  tell(run: RunIds, event: (typeof runEventKinds)[number], detail?: string): void {
    this.#event(run, event, detail, {});
  }

  /** Ends the run without a result; this has the key of one. */
  parked(dispatch: Dispatch, usage: Usage): void {
    this.#event(dispatch, 'parked', 'waits for what it has asked', { usage, key: resultKey(dispatch.runId) });
  }

  result(run: JournaledRun, outcome: TurnOutcome): void {
    const { journal, subjects, clock, agent } = this.#options;
    const { dispatch } = run;
    const answer = outcome.kind === 'answered' ? outcome.text : '';
    const result = RunResult.create(this.#head(dispatch), {
      taskId: dispatch.taskId,
      runId: run.runId,
      epoch: dispatch.epoch,
      attempt: dispatch.attempt,
      agent,
      outcome: outcomeWord(outcome),
      ...(outcome.kind === 'failed' ? { failure: { class: outcome.failure, message: outcome.message } } : {}),
      summary: withinMessage(answer),
      usage: outcome.usage,
      sessionKey: dispatch.session.key,
      startedAt: new Date(run.startedAt ?? run.claimedAt).toISOString(),
      finishedAt: new Date(clock.now()).toISOString(),
    });
    const message = {
      subject: subjects.result(dispatch.domain, agent, dispatch.taskId),
      msgId: `${run.runId}:result:${run.nonce}`,
      body: JSON.stringify(result),
    };
    addResult(journal.outbox, resultKey(run.runId), message, answer);
  }

  /** Takes back all of this run that was not sent yet. */
  takeBack(runId: string): void {
    const { outbox } = this.#options.journal;
    const key = resultKey(runId);
    outbox.takeBack([key, uploadKey(key)], eventKeys(runId));
  }

  #event(
    run: RunIds,
    event: (typeof runEventKinds)[number],
    detail: string | undefined,
    { usage, key }: { readonly usage?: Usage; readonly key?: string },
  ): void {
    const { journal, subjects, agent } = this.#options;
    const { taskId, runId, epoch } = run;
    const head = this.#head(run);
    const message = RunEventMessage.create(head, {
      taskId,
      runId,
      epoch,
      agent,
      event,
      ...(detail ? { detail: detail.slice(0, DETAIL_LIMIT) } : {}),
      ...(usage ? { usage } : {}),
    });
    journal.outbox.addBus(key ?? `${eventKeys(runId)}${event}:${head.id}`, {
      subject: subjects.runEvent(agent, runId, event),
      msgId: `${runId}:${event}:${newNonce()}`,
      body: JSON.stringify(message),
    });
  }

  #head({ taskId, runId }: RunIds) {
    const { clock, fleet, agent } = this.#options;
    return {
      id: newId(clock.now()),
      source: `/fleets/${fleet}/agents/${agent}`,
      subject: `task/${taskId}/run/${runId}`,
      time: new Date(clock.now()).toISOString(),
    };
  }
}

/** What ends a run on the bus has one key: its result, or that it was parked. */
export function resultKey(runId: string): string {
  return `result:${runId}`;
}

function eventKeys(runId: string): string {
  return `run:${runId}:`;
}

function outcomeWord(outcome: TurnOutcome): RunResult['data']['outcome'] {
  if (outcome.kind === 'answered') return 'success';
  return outcome.failure === 'cancelled' ? 'cancelled' : 'failed';
}

import { parseMessage } from '#core/envelope.ts';
import { type FailureCode, failureClasses } from '#core/failures.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { authorOf } from '#core/subjects.ts';
import { nextTaskState } from '#core/task-states.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { fullJitter } from '#lib/backoff.ts';
import type { Logger } from '#lib/log.ts';
import type { AdmissionLimits } from '../admission/admission.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import { deliver, failureText } from '../deliveries/deliver.ts';
import { releaseDue } from '../dispatcher/release.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { attemptsMade } from '../tasks/attempts.ts';
import { record } from '../tasks/record.ts';
import { type Answer, answerIn, toldOf } from './answer.ts';
import { escalate, escalatedText } from './escalate.ts';

export interface SettleOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly deadLetters: DeadLetters;
  readonly artifacts: Artifacts;
  /** How a lead is asked to take up what an agent was given up over. */
  readonly admission: AdmissionLimits;
  /** Scales the waits of the failure table. */
  readonly retryScale: number;
  /** Called after a result was settled. */
  readonly onSettled: () => void;
  readonly log: Logger;
}

type Result = RunResult['data'];

/**
 * Handles results: settles the task, or queues it for another run where the failure's class allows one.
 * What makes a second delivery harmless: a run ends once; what comes after that, or with another epoch, is stale.
 */
export function resultHandler(options: SettleOptions): (message: BusMessage) => Promise<void> {
  const { store, deadLetters, artifacts, onSettled, log } = options;
  return async (message) => {
    const parsed = parseMessage(message.body, [RunResult]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== authorOf(message.subject)) {
      return deadLetters.giveUp(message, parsed);
    }
    const result = parsed.message.data;
    const answer = await answerIn(result, artifacts, log);
    await store.transaction(async (tx) => {
      await settle(tx, options, result, answer);
      await releaseDue(tx, options.context, result.agent);
    });
    onSettled();
    await message.ack();
  };
}

async function settle(
  tx: Repositories,
  options: SettleOptions,
  result: Result,
  answer: Answer,
): Promise<void> {
  const { log } = options;
  const run = await tx.runs.byId(result.runId);
  const task = run && (await tx.tasks.byId(run.taskId));
  if (!run || !task || run.agent !== result.agent || run.taskId !== result.taskId) {
    log.error(
      { runId: result.runId, agent: result.agent },
      'result of a run that was never released to this agent',
    );
    return;
  }
  if (run.finishedAt !== undefined) return;
  const success = result.outcome === 'success' || result.outcome === 'success_with_notes';
  // What was consumed is recorded whatever becomes of the result.
  await tx.runs.finished(run.id, {
    state: success ? 'completed' : 'failed',
    failure: result.failure?.class,
    failureMessage: result.failure?.message,
    usage: result.usage,
    startedAt: Date.parse(result.startedAt),
    at: Date.parse(result.finishedAt),
  });
  if (run.epoch !== task.epoch || !nextTaskState(task.state, success ? 'complete' : 'fail')) {
    log.warn({ runId: run.id, epoch: run.epoch, current: task.epoch, state: task.state }, 'stale result');
    await record(tx, options.context, {
      who: `agent/${result.agent}`,
      what: 'finish',
      entity: 'run',
      entityId: run.id,
      state: success ? 'completed' : 'failed',
      why: `stale (${result.outcome}): of epoch ${run.epoch}, and task ${task.id} is ${task.state} in epoch ${task.epoch}`,
    });
    return;
  }
  if (success) return complete(tx, options, task, { result, answer });
  await fail(tx, options, task, result.failure ?? { class: 'internal', message: '' });
  log.info({ taskId: task.id, runId: run.id, failure: result.failure?.class }, 'run failed');
}

async function complete(
  tx: Repositories,
  { context, log }: SettleOptions,
  task: TaskRecord,
  { result, answer }: { readonly result: Result; readonly answer: Answer },
): Promise<void> {
  const done = await advanceTask(tx, context, task, 'complete', {
    by: `agent/${result.agent}`,
    reason: `run ${result.runId} ended: ${result.outcome}`,
    answer: answer.text,
    answerArtifact: answer.artifact,
  });
  await deliver(tx, context, done, { state: 'completed', text: toldOf(answer, task.id) });
  log.info({ taskId: task.id, outputTokens: result.usage.outputTokens }, 'task completed');
}

async function fail(
  tx: Repositories,
  { context, admission, retryScale }: SettleOptions,
  task: TaskRecord,
  failure: { class: FailureCode; message: string },
): Promise<void> {
  const { retryable, maxAttempts, backoff } = failureClasses[failure.class];
  const attempts = await attemptsMade(tx, task);
  if (retryable && attempts < maxAttempts && nextTaskState(task.state, 'retry')) {
    const waitMs = Math.round(fullJitter(attempts, backoff) * retryScale);
    const queued = await advanceTask(tx, context, task, 'retry', {
      by: 'control',
      notBefore: context.now() + waitMs,
      reason: `${failure.class}: attempt ${attempts + 1} of ${maxAttempts} in ${Math.ceil(waitMs / 1000)} s`,
    });
    await deliver(tx, context, queued, { state: 'queued' });
    return;
  }
  const by = `agent/${task.agent}` as const;
  if (task.state === 'cancelling') {
    const reason = task.reason ?? 'cancelled';
    return tellCancelled(tx, context, await advanceTask(tx, context, task, 'fail', { by, reason }));
  }
  const failed = await advanceTask(tx, context, task, 'fail', { by, reason: failure.class });
  const asked =
    failure.class === 'stuck_loop' ? await escalate(tx, admission, failed, failure.message) : undefined;
  // To the asker it has not ended.
  if (asked) return deliver(tx, context, failed, { state: 'queued', text: escalatedText(failed, asked) });
  const text = failureText(failed, { failure: failure.class, failureMessage: failure.message, attempts });
  await deliver(tx, context, failed, { state: 'failed', text });
}

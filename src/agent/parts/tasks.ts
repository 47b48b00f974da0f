import { parseMessage } from '#core/envelope.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { UNREADABLE_RETRY_MS } from '#core/streams.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { Runner } from './runner.ts';

export interface TaskHandlerOptions {
  readonly agent: string;
  readonly runner: Runner;
  readonly journal: Journal;
  readonly log: Logger;
}

/** How long work that came too late for a drained agent stays away; nothing is pulled before it takes work again. */
const DRAINED_RETRY_MS = 1000;

/**
 * Handles released work: claim in the journal, run, result on the bus, and only then the acknowledgement.
 * What makes a second delivery harmless: the runId is unique in the journal, and a run under way is joined.
 */
export function taskHandler(
  options: TaskHandlerOptions,
): (message: BusMessage, signal: AbortSignal) => Promise<void> {
  const { agent, runner, journal, log } = options;
  return async (message, signal) => {
    const parsed = parseMessage(message.body, [TaskDispatch]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== agent) {
      log.error({ subject: message.subject, problem: parsed }, 'task cannot be read');
      // Not ended here: control finds it when it was tried too often, or a newer daemon can read it.
      message.later(UNREADABLE_RETRY_MS);
      return;
    }
    const dispatch = parsed.message.data;
    if (!journal.duty.takesWork && !journal.runs.get(dispatch.runId)) {
      // It came with a pull that was under way when the agent was drained.
      message.later(DRAINED_RETRY_MS);
      return;
    }
    await runner.finish(await runner.claim(dispatch), message, signal);
  };
}

/** Goes on with the runs that a former process left open, without waiting for the bus to deliver them again. */
export class Resume implements Part {
  readonly name = 'resume';
  readonly #options: TaskHandlerOptions;
  readonly #abort = new AbortController();
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: TaskHandlerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { journal, runner, log } = this.#options;
    const open = journal.runs.open();
    this.#work = Promise.all(
      open.map(async (run) => {
        log.info({ runId: run.runId, state: run.state }, 'resuming run');
        try {
          await runner.finish(run, undefined, this.#abort.signal);
        } catch (error) {
          if (!this.#abort.signal.aborted) log.error({ err: error, runId: run.runId }, 'resumed run failed');
        }
      }),
    );
  }

  async quiesce(signal: AbortSignal): Promise<void> {
    const giveUp = (): void => this.#abort.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    await this.#work;
    signal.removeEventListener('abort', giveUp);
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error('stopped'));
    await this.#work;
  }

  health(): Health {
    return { live: true, ready: true };
  }
}

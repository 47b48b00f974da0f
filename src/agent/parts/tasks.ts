import { parseMessage } from '#core/envelope.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { UNREADABLE_RETRY_MS } from '#core/streams.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { Lease } from './lease.ts';
import type { Runner } from './runner.ts';

export interface TaskHandlerOptions {
  readonly agent: string;
  readonly runner: Runner;
  readonly journal: Journal;
  readonly lease: Pick<Lease, 'held'>;
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
  const { agent, runner, journal, lease, log } = options;
  return async (message, signal) => {
    // Pulled before the lease lapsed: left to come again, for the one that holds it then.
    if (!lease.held) return;
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

/**
 * Goes on with the runs that were left open, by a former process or because they could not be written down, each time the
 * lease was taken or the journal can be written again, without waiting for the bus to deliver them again. One that is under way is left alone.
 */
export class Resume implements Part {
  readonly name = 'resume';
  readonly #options: TaskHandlerOptions;
  readonly #abort = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #started = false;

  constructor(options: TaskHandlerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#started = true;
    if (this.#options.lease.held) this.resume();
  }

  /** To be called when the lease was taken. */
  resume(): void {
    if (!this.#started || this.#abort.signal.aborted) return;
    for (const run of this.#options.journal.runs.open()) {
      const work = this.#resume(run).finally(() => this.#work.delete(work));
      this.#work.add(work);
    }
  }

  async quiesce(signal: AbortSignal): Promise<void> {
    this.#started = false;
    const giveUp = (): void => this.#abort.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    await Promise.all(this.#work);
    signal.removeEventListener('abort', giveUp);
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error('stopped'));
    await Promise.all(this.#work);
  }

  health(): Health {
    return { live: true, ready: true };
  }

  async #resume(run: JournaledRun): Promise<void> {
    const { runner, log } = this.#options;
    log.info({ runId: run.runId, state: run.state }, 'resuming run');
    try {
      await runner.finish(run, undefined, this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted) log.error({ err: error, runId: run.runId }, 'resumed run failed');
    }
  }
}

import { streamNames } from '#core/streams.ts';
import { agentOfTask, runIdOf } from '#core/subjects.ts';
import { isTerminal } from '#core/task-states.ts';
import {
  lastOfEachSubject,
  messagesUpTo,
  removeMessage,
  settledUpTo,
} from '#integrations/nats/stored-messages.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { buryExhausted, type ExhaustedOptions } from './exhausted.ts';
import { LostRuns } from './lost-runs.ts';
import { recordOnce, takenBack } from './on-record.ts';

export interface SweepOptions extends ExhaustedOptions {
  readonly ready: () => boolean;
  readonly everyMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

const POLL_MS = 1000;

/** In rounds: how long a run is missed before it may be called lost. */
const ROUNDS_MISSED = 2;

/**
 * Compares what lies in the streams of released work and of deliveries with the store, work both ways: advisories can be
 * missed, and nothing else takes away what nobody will acknowledge, or notices that what was released is gone.
 */
export class Sweep implements Part {
  readonly name = 'sweep';
  readonly #options: SweepOptions;
  readonly #lostRuns: LostRuns;
  readonly #loop: Loop;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#lostRuns = new LostRuns({ ...options, settleMs: ROUNDS_MISSED * options.everyMs });
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => {
        if (!options.ready()) return POLL_MS;
        await this.#round(signal);
        return options.everyMs;
      },
      onError: (error) => options.log.warn({ err: error }, 'sweep failed, trying again'),
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  /** To be called when a run may have been lost. */
  wake(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: true };
  }

  async #round(signal: AbortSignal): Promise<void> {
    await this.#work(signal);
    await this.#deliveries(signal);
    await this.#lostRuns.look(signal);
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { bus, store, context, log } = this.#options;
    const floors = new Map<string, number>();
    for (const { seq, subject } of await lastOfEachSubject(bus, streamNames.tasks)) {
      if (signal.aborted) return;
      const run = await store.read.runs.byId(runIdOf(subject));
      const task = run && (await store.read.tasks.byId(run.taskId));
      if (run && task && (run.epoch !== task.epoch || isTerminal(task.state))) {
        log.info(
          { runId: run.id, taskId: task.id, state: task.state },
          'release taken back: its task is over',
        );
        await recordOnce(store, context, takenBack(run, task));
        await removeMessage(bus, streamNames.tasks, seq);
        continue;
      }
      const agent = agentOfTask(subject);
      const floor = floors.get(agent) ?? (await settledUpTo(bus, streamNames.tasks, agent));
      floors.set(agent, floor);
      if (seq <= floor) await buryExhausted(this.#options, { stream: streamNames.tasks, seq, deliveries: 0 });
    }
  }

  /** What is waited for lies above the floor; all below it was given up, and is walked through without what is gone. */
  async #deliveries(signal: AbortSignal): Promise<void> {
    const { bus, store, context } = this.#options;
    const stream = streamNames.deliveries;
    for (const { name } of await store.read.agents.list()) {
      const floor = await settledUpTo(bus, stream, name);
      const subjects = `${context.fleet}.deliveries.${name}.*`;
      for await (const { seq } of messagesUpTo(bus, stream, subjects, floor)) {
        if (signal.aborted) return;
        await buryExhausted(this.#options, { stream, seq, deliveries: 0 });
      }
    }
  }
}

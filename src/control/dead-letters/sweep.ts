import { streamNames } from '#core/streams.ts';
import { agentOfTask, runIdOf } from '#core/subjects.ts';
import { isTerminal } from '#core/task-states.ts';
import { lastOfEachSubject, removeMessage, settledUpTo } from '#integrations/nats/stored-messages.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { buryExhausted, type ExhaustedOptions } from './exhausted.ts';

export interface SweepOptions extends ExhaustedOptions {
  readonly ready: () => boolean;
  readonly everyMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

const POLL_MS = 1000;

/**
 * Compares what lies in the stream of released work with the store: advisories can be missed, and nothing else takes
 * away what nobody will acknowledge.
 */
export class Sweep implements Part {
  readonly name = 'sweep';
  readonly #options: SweepOptions;
  readonly #loop: Loop;

  constructor(options: SweepOptions) {
    this.#options = options;
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

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: true };
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { bus, store, log } = this.#options;
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
        await removeMessage(bus, streamNames.tasks, seq);
        continue;
      }
      const agent = agentOfTask(subject);
      const floor = floors.get(agent) ?? (await settledUpTo(bus, streamNames.tasks, agent));
      floors.set(agent, floor);
      if (seq <= floor) await buryExhausted(this.#options, { stream: streamNames.tasks, seq, deliveries: 0 });
    }
  }
}

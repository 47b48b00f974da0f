import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { neededBy, settleBlocked } from './settle.ts';
import { verdictOf } from './verdict.ts';

export interface DependentsOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly everyMs: number;
  /** Called after a task was queued, or has failed. */
  readonly onSettled: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Looks again at the tasks that wait for others: what no end settles, such as a deadline, is settled here. */
export class Dependents implements Part {
  readonly name = 'dependents';
  readonly #options: DependentsOptions;
  readonly #loop: Loop;

  constructor(options: DependentsOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => {
        await this.#round(signal);
        return this.#pause();
      },
      onError: (error) => options.log.error({ err: error }, 'waiting tasks not settled, trying again'),
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

  /** To be called when a task was made to wait: it may be for less than the time to the next look. */
  wake(): void {
    this.#loop.wake();
  }

  async #pause(): Promise<number> {
    const { store, everyMs, clock } = this.#options;
    const ends = (await store.read.dependencies.blocked()).flatMap(({ until }) => until ?? []);
    return Math.max(0, Math.min(everyMs, ...ends.map((end) => end - clock.now())));
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { store, context, onSettled, log, clock } = this.#options;
    for (const wait of await store.read.dependencies.blocked()) {
      if (signal.aborted) return;
      if (verdictOf(wait, await neededBy(store.read, wait), clock.now()).kind === 'wait') continue;
      await store.transaction(async (tx) => {
        const task = await tx.tasks.byId(wait.taskId);
        if (task) await settleBlocked(tx, context, task);
      });
      log.info({ taskId: wait.taskId }, 'waiting task settled by the sweep');
      onSettled();
    }
  }
}

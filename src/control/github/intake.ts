import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { GithubDelivery } from '../store/github-repository.ts';
import type { Store } from '../store/store.ts';
import { type TakeOptions, takeHappening } from './take.ts';
import { readEvent } from './webhook-events.ts';

export interface IntakeOptions extends TakeOptions {
  readonly store: Store;
  /** Called after something was asked for, or ended. */
  readonly onTaken: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

const IDLE_MS = 60_000;
const AT_ONCE = 50;

/**
 * Does what follows of the deliveries of GitHub's webhook, after they are stored and answered for. One that was begun
 * when the process died is done again, and its tasks are known.
 */
export class GithubIntake implements Part {
  readonly name = 'github webhook';
  readonly #options: IntakeOptions;
  readonly #loop: Loop;
  #problem: string | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async () => ((await this.#round()) ? 0 : IDLE_MS),
      onError: (error) => {
        this.#problem = 'deliveries of GitHub are not handled; the log says why';
        options.log.error({ err: error }, 'delivery of GitHub not handled, trying again');
      },
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  /** To be called after a delivery was stored. */
  wake(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    const reason = this.#problem;
    return { live: this.#loop.live, ready: reason === undefined, ...(reason ? { reason } : {}) };
  }

  /** Resolves with whether there may be more. */
  async #round(): Promise<boolean> {
    const { store, onTaken } = this.#options;
    const deliveries = await store.read.github.open(AT_ONCE);
    for (const delivery of deliveries) await this.#handle(delivery);
    this.#problem = undefined;
    if (deliveries.length > 0) onTaken();
    return deliveries.length === AT_ONCE;
  }

  async #handle({ id, event, body }: GithubDelivery): Promise<void> {
    const { store, settings, log, clock } = this.#options;
    const read = readEvent(settings, event, body);
    const outcome = await store.transaction(async (tx) => {
      const said: string[] = [];
      if (read.kind !== 'happened') said.push(read.why);
      else for (const each of read.happenings) said.push(await takeHappening(tx, this.#options, each));
      const outcome = said.join('; ');
      await tx.github.handled(id, outcome, clock.now());
      return outcome;
    });
    const level = read.kind === 'unreadable' ? 'warn' : 'info';
    log[level]({ delivery: id, event, outcome }, 'delivery of GitHub handled');
  }
}

import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { settleApproval } from './settle.ts';

export interface ExpiryOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Called after something has expired. */
  readonly onExpired: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

const EVERY_MS = 2000;

/** Ends what nobody has decided in time: it counts as denied, and its task goes on or ends by that. */
export class Expiry implements Part {
  readonly name = 'approvals';
  readonly #options: ExpiryOptions;
  readonly #loop: Loop;

  constructor(options: ExpiryOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async () => {
        await this.#round();
        return EVERY_MS;
      },
      onError: (error) => options.log.error({ err: error }, 'approvals not expired, trying again'),
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

  async #round(): Promise<void> {
    const { store, context, onExpired, clock, log } = this.#options;
    for (const { id } of await store.read.approvals.overdue(clock.now())) {
      await store.transaction(async (tx) => {
        const approval = await tx.approvals.byId(id);
        // Chosen from a committed snapshot; somebody may have decided since.
        if (approval?.state !== 'pending') return;
        await settleApproval(tx, context, approval, 'expire', { actor: 'control' });
      });
      log.info({ approvalId: id }, 'nobody decided in time');
      onExpired();
    }
  }
}

import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { TASK_ACK_WAIT_MS } from '#core/streams.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Presence } from './presence.ts';

export interface AttentionOptions {
  readonly presence: Presence;
  /** Without a sign of work for this long, the bus is no longer told so. */
  readonly progressTimeoutMs: number;
  readonly harnessReady: () => boolean;
  /** Whether a run waits for what it has asked: that is no sign of standing still. */
  readonly isWaiting: (runId: string) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often "typing" is repeated: Mattermost shows it for five seconds. */
const TYPING_EVERY_MS = 4000;
const WORKING_EVERY_MS = TASK_ACK_WAIT_MS / 3;

/**
 * What the outside sees while a run is at work: typing in the thread, and `working` on the bus on proven progress only,
 * or while it waits for what it has asked.
 */
export class Attention {
  readonly #options: AttentionOptions;

  constructor(options: AttentionOptions) {
    this.#options = options;
  }

  async during<T>(
    dispatch: TaskDispatch['data'],
    working: () => void,
    work: (onProgress: () => void) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { presence, progressTimeoutMs, harnessReady, isWaiting, clock, log } = this.#options;
    let lastProgressAt = clock.now();
    let lastWorkingAt = clock.now();
    const { conversation } = dispatch;
    const ticker = new Loop({
      clock,
      round: async () => {
        const proven = harnessReady() && clock.now() - lastProgressAt < progressTimeoutMs;
        const waits = isWaiting(dispatch.runId);
        if ((proven || waits) && clock.now() - lastWorkingAt >= WORKING_EVERY_MS) {
          working();
          lastWorkingAt = clock.now();
        }
        if (proven && !waits && conversation) await presence.typing(conversation, signal);
        return TYPING_EVERY_MS;
      },
      onError: (error) => log.debug({ err: error }, 'typing could not be shown'),
      backoff: { baseMs: TYPING_EVERY_MS, capMs: TYPING_EVERY_MS },
    });
    ticker.start();
    try {
      return await work(() => {
        lastProgressAt = clock.now();
      });
    } finally {
      await ticker.stop();
    }
  }
}

import { messageOf } from '#core/errors.ts';
import { GithubError } from '#integrations/github/github-error.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import { Loop } from '#lib/loop.ts';
import { askAgain } from './failed-deliveries.ts';
import { type ReadOptions, readRepository } from './read-repository.ts';

export interface PollOptions extends ReadOptions {
  readonly everyMs: number;
}

const DELIVERIES_EVERY_MS = 3600 * 1000;
/** So many repositories, each with a deadline of its own for every call. */
const STUCK_AFTER_MS = 30 * 60_000;

/**
 * Reads what happened on GitHub since it was read last, whether or not a webhook told of it: alone it is enough where
 * GitHub cannot reach us. Each hour it has GitHub deliver again what did not arrive.
 */
export class GithubPoll implements Part {
  readonly name = 'github';
  readonly #options: PollOptions;
  readonly #loop: Loop;
  #problem: string | undefined;
  #deliveriesAt = 0;

  constructor(options: PollOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: (signal) => this.#round(signal),
      onError: (error) => options.log.error({ err: error }, 'GitHub was not read, trying again'),
      stuckAfterMs: STUCK_AFTER_MS,
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** Not ready while GitHub could not be read whole the last time. */
  health(): Health {
    const reason = this.#problem;
    return { live: this.#loop.live, ready: reason === undefined, ...(reason ? { reason } : {}) };
  }

  /** One that cannot be read does not keep the others from it; a limit is for all of them. */
  async #round(signal: AbortSignal): Promise<number> {
    const { settings, everyMs, log, clock } = this.#options;
    const problems: string[] = [];
    const work = [
      ...settings.repositories.map((repo) => () => readRepository(this.#options, repo, signal)),
      () => this.#again(signal),
    ];
    let waitMs = everyMs;
    for (const each of work) {
      try {
        await each();
      } catch (error) {
        if (!(error instanceof GithubError)) throw error;
        problems.push(messageOf(error));
        if (error.code !== 'github_limited') continue;
        waitMs = Math.max(1000, (error.until ?? 0) - clock.now());
        break;
      }
    }
    const problem = problems.length > 0 ? problems.join('; ') : undefined;
    if (problem !== undefined && problem !== this.#problem) log.warn({ problem }, 'GitHub could not be read');
    this.#problem = problem;
    return waitMs;
  }

  async #again(signal: AbortSignal): Promise<void> {
    const { reader, log, clock } = this.#options;
    if (clock.now() - this.#deliveriesAt < DELIVERIES_EVERY_MS) return;
    const count = await askAgain(reader, clock.now(), signal);
    if (count > 0) log.info({ count }, 'GitHub was asked to deliver again what did not reach us');
    this.#deliveriesAt = clock.now();
  }
}

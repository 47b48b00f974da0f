import { messageOf } from '#core/errors.ts';
import { CommandReply } from '#core/messages/agent-command.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { ControlContext } from '../tasks/advance.ts';

/** A command to an agent that has not had its effect yet. */
export interface Order {
  readonly agent: string;
  readonly verb: string;
  readonly message: object;
  /** What it is about, for the log. */
  readonly about: object;
}

export interface CommanderOptions {
  /** Each says what is still to be told. */
  readonly sources: readonly (() => Promise<Order[]>)[];
  readonly context: ControlContext;
  readonly bus: BusConnection;
  readonly log: Logger;
  readonly clock: Clock;
}

const EVERY_MS = 5000;
const ANSWER_WITHIN_MS = 2000;

/** Tells agents what they are to do at once. A command may be lost, so it is repeated until it has had its effect. */
export class Commander implements Part {
  readonly name = 'commander';
  readonly #options: CommanderOptions;
  readonly #loop: Loop;

  constructor(options: CommanderOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => {
        await this.#round(signal);
        return EVERY_MS;
      },
      onError: (error) => options.log.warn({ err: error }, 'agents could not be told, trying again'),
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  /** To be called when there is something to tell. */
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
    const { sources, bus } = this.#options;
    if (!bus.connected) return;
    const orders = (await Promise.all(sources.map((source) => source()))).flat();
    // One that is away keeps nobody else waiting.
    const byAgent = Map.groupBy(orders, ({ agent }) => agent);
    await Promise.all(
      [...byAgent.values()].map(async (ofOne) => {
        // Nor does it keep this round: what else there is for it comes with the next.
        for (const order of ofOne) if (signal.aborted || !(await this.#tell(order))) return;
      }),
    );
  }

  /** Whether the agent has answered. */
  async #tell({ agent, verb, message, about }: Order): Promise<boolean> {
    const { bus, context, log } = this.#options;
    try {
      const subject = context.subjects.control(agent, verb);
      const answer = await bus.request(subject, JSON.stringify(message), ANSWER_WITHIN_MS);
      const reply = CommandReply.parse(JSON.parse(new TextDecoder().decode(answer)));
      if (!reply.ok) log.error({ agent, verb, ...about, reason: reply.reason }, 'command refused');
      return true;
    } catch (error) {
      // Also an agent that is away: the command waits here until it is back.
      log.debug({ agent, verb, ...about, reason: messageOf(error) }, 'command not heard yet');
      return false;
    }
  }
}

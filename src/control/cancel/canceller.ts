import { messageOf } from '#core/errors.ts';
import { AgentCommand, CommandReply } from '#core/messages/agent-command.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import type { Clock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';

export interface CancellerOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly bus: BusConnection;
  readonly log: Logger;
  readonly clock: Clock;
}

const EVERY_MS = 5000;
const ANSWER_WITHIN_MS = 2000;
/** How long after its end the agent of an expired task is told to stop: one that is away for longer finds it past its deadline. */
const TELL_FOR_MS = 3600 * 1000;

/** Tells agents to end runs whose tasks are to end, or have. A command may be lost, so it is repeated until the run is over. */
export class Canceller implements Part {
  readonly name = 'canceller';
  readonly #options: CancellerOptions;
  readonly #loop: Loop;

  constructor(options: CancellerOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => {
        await this.#round(signal);
        return EVERY_MS;
      },
      onError: (error) => options.log.warn({ err: error }, 'cancelling failed, trying again'),
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  /** To be called when a task was cancelled. */
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
    const { store, bus, clock } = this.#options;
    if (!bus.connected) return;
    for (const task of await store.read.tasks.toStop(clock.now() - TELL_FOR_MS)) {
      if (signal.aborted) return;
      const run = (await store.read.runs.ofTask(task.id)).at(-1);
      if (run && run.finishedAt === undefined) await this.#tell(task, run);
    }
  }

  async #tell(task: TaskRecord, run: RunRecord): Promise<void> {
    const { bus, context, log } = this.#options;
    const at = context.now();
    const command = AgentCommand.create(
      {
        id: newId(at),
        source: `/fleets/${context.fleet}/control`,
        subject: `task/${task.id}/run/${run.id}`,
        time: new Date(at).toISOString(),
      },
      { verb: 'cancel', agent: run.agent, taskId: task.id, runId: run.id },
    );
    const subject = context.subjects.control(run.agent, 'cancel');
    try {
      const answer = await bus.request(subject, JSON.stringify(command), ANSWER_WITHIN_MS);
      const reply = CommandReply.parse(JSON.parse(new TextDecoder().decode(answer)));
      if (!reply.ok) log.error({ runId: run.id, agent: run.agent, reason: reply.reason }, 'cancel refused');
    } catch (error) {
      // Also an agent that is away: the command waits here until it is back.
      log.debug({ runId: run.id, agent: run.agent, reason: messageOf(error) }, 'cancel not heard yet');
    }
  }
}

import type { FailureCode } from '#core/failures.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { streamNames } from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import { newId } from '#lib/id.ts';
import type { BusClient } from './bus-matrix/client.ts';
import type { ControlOnBus } from './control-on-bus.ts';
import { heartbeatOf } from './messages.ts';
import { waitFor } from './wait.ts';

type Dispatch = TaskDispatch['data'];

/** An agent that a test plays itself on a real bus: it reports, takes up what it is given, and hands in results. */
export class PlayedAgent implements AsyncDisposable {
  readonly name: string;
  readonly bus: BusClient;
  readonly #fleet: string;

  private constructor(name: string, bus: BusClient, fleet: string) {
    this.name = name;
    this.bus = bus;
    this.#fleet = fleet;
  }

  /** Resolves once control knows it. */
  static async join(
    control: ControlOnBus,
    fleet: string,
    name: string,
    says: Parameters<typeof heartbeatOf>[1] = {},
  ): Promise<PlayedAgent> {
    const agent = new PlayedAgent(name, await control.connect(name), fleet);
    await agent.report(says);
    await waitFor(
      `${name} to be known`,
      async () => (await control.api('GET', `/v1/agents/${name}`)).status === 200,
    );
    return agent;
  }

  async report(says: Parameters<typeof heartbeatOf>[1]): Promise<void> {
    const subject = subjectsOf(this.#fleet).heartbeat(this.name);
    await this.bus.request(subject, JSON.stringify(heartbeatOf(this.name, says)));
  }

  /** The next work it is given, which is then off the bus. */
  async next(): Promise<Dispatch> {
    const message = await waitFor(
      `work for ${this.name}`,
      async () => {
        const pulled = await this.bus.pull(streamNames.tasks, this.name);
        return pulled.data.length > 0 && pulled;
      },
      { timeoutMs: 15_000 },
    );
    await this.bus.request(message.reply ?? '', '+ACK');
    return TaskDispatch.schema.parse(message.json()).data;
  }

  async succeed(dispatch: Dispatch, summary: string): Promise<void> {
    await this.#handIn(dispatch, { outcome: 'success', summary });
  }

  async fail(dispatch: Dispatch, failure: FailureCode): Promise<void> {
    await this.#handIn(dispatch, {
      outcome: 'failed',
      summary: '',
      failure: { class: failure, message: 'played' },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus[Symbol.asyncDispose]();
  }

  async #handIn(
    { taskId, runId, epoch, attempt, domain, session }: Dispatch,
    end: Pick<RunResult['data'], 'outcome' | 'summary' | 'failure'>,
  ): Promise<void> {
    const time = new Date().toISOString();
    const result = RunResult.create(
      { id: newId(Date.now()), source: '/test', subject: `run/${runId}`, time },
      {
        ...{ taskId, runId, epoch, attempt, agent: this.name, usage: noUsage },
        ...{ sessionKey: session.key, startedAt: time, finishedAt: time },
        ...end,
      },
    );
    const subject = subjectsOf(this.#fleet).result(domain, this.name, taskId);
    await this.bus.request(subject, JSON.stringify(result));
  }
}

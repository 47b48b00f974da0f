import { parseMessage } from '#core/envelope.ts';
import { ApprovalRequest } from '#core/messages/approval-request.ts';
import { Decision } from '#core/messages/decision.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { Delivery } from '#core/messages/delivery.ts';
import { QuestionRequest } from '#core/messages/question-request.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { streamNames } from '#core/streams.ts';
import { newId } from '#lib/id.ts';
import type { ControlOnBus } from './control-on-bus.ts';
import type { heartbeatOf } from './messages.ts';
import { PlayedAgent } from './played-agent.ts';
import { waitFor } from './wait.ts';

type Dispatch = TaskDispatch['data'];

/** A played agent that asks people, and hears what they have decided. */
export class AskingAgent extends PlayedAgent {
  /** What the chat server says of every account. */
  standing = 'member';
  readonly #told: (Decision['data'] | Delivery['data'])[] = [];

  static override async join(
    control: ControlOnBus,
    fleet: string,
    name: string,
    says: Parameters<typeof heartbeatOf>[1] = { concurrency: 20 },
  ): Promise<AskingAgent> {
    const agent = new AskingAgent(name, await control.connect(name), fleet);
    agent.bus.connection.subscribe(`${fleet}.control.${name}.standing`, {
      callback: (_error, question) =>
        void question.respond(JSON.stringify({ ok: true, standing: agent.standing })),
    });
    await agent.known(control, says);
    return agent;
  }

  /** Publishes anything as this agent, and waits until the stream has it. */
  async publish(subject: string, message: object): Promise<void> {
    await this.bus.request(`${this.fleet}.${subject}`, JSON.stringify(message));
  }

  /** The released run of this task, taken off the bus. */
  takeRun(taskId: string): Promise<TaskDispatch> {
    return waitFor(`a run of ${taskId}`, async () => {
      const body = await this.#pull(streamNames.tasks);
      const parsed = body && parseMessage(body, [TaskDispatch]);
      return parsed?.kind === 'ok' && parsed.message.data.taskId === taskId && parsed.message;
    });
  }

  /** The next thing that is said to it and that fits, taken off the bus; what does not fit is kept for later. */
  hear<T extends Decision['data'] | Delivery['data']>(
    what: string,
    fits: (told: object) => told is T,
  ): Promise<T> {
    return waitFor(`to be told ${what}`, async () => {
      const body = await this.#pull(streamNames.deliveries);
      const parsed = body && parseMessage(body, [Decision, Delivery]);
      if (parsed?.kind === 'ok') this.#told.push(parsed.message.data);
      const index = this.#told.findIndex(fits);
      return index >= 0 && (this.#told.splice(index, 1)[0] as T);
    });
  }

  hearDecision(key: string): Promise<Decision['data']> {
    return this.hear(
      `what became of ${key}`,
      (told): told is Decision['data'] => 'key' in told && told.key === key,
    );
  }

  hearSaid(taskId: string, text: RegExp): Promise<Delivery['data']> {
    return this.hear(
      `to say ${text}`,
      (told): told is Delivery['data'] =>
        'text' in told && 'taskId' in told && told.taskId === taskId && text.test(String(told.text)),
    );
  }

  async tell({ taskId, runId, epoch }: Dispatch, event: string, detail?: string): Promise<void> {
    const data = { taskId, runId, epoch, agent: this.name, event, ...(detail ? { detail } : {}) };
    await this.publish(`runs.${this.name}.${runId}.${event}`, RunEventMessage.create(headOf(taskId), data));
  }

  async askApproval(
    { taskId, runId, epoch }: Dispatch,
    key: string,
    params: Record<string, unknown> = {},
    expiresInMs = 600_000,
    kind = 'deploy.production',
  ): Promise<void> {
    const action = { kind, target: 'web-1', params };
    const data = { key, taskId, runId, epoch, expiresInMs, action, summary: `put it on web-1 (${key})` };
    await this.publish(`requests.${this.name}.approval`, ApprovalRequest.create(headOf(taskId), data));
  }

  async askQuestion(
    { taskId, runId, epoch }: Dispatch,
    key: string,
    text: string,
    choices?: string[],
  ): Promise<void> {
    const question = { text, ...(choices ? { choices } : {}) };
    const data = { key, taskId, runId, epoch, expiresInMs: 600_000, question };
    await this.publish(`requests.${this.name}.question`, QuestionRequest.create(headOf(taskId), data));
  }

  async delegate({ taskId, runId, epoch }: Dispatch, agent: string, text: string): Promise<void> {
    const data = { key: newId(Date.now()), taskId, runId, epoch, expiresInMs: 600_000, agent, text };
    await this.publish(`requests.${this.name}.delegation`, DelegationRequest.create(headOf(taskId), data));
  }

  /** The next message, acknowledged; undefined when there is none. */
  async #pull(stream: string): Promise<Uint8Array | undefined> {
    const message = await this.bus.pull(stream, this.name);
    if (!message.reply) return undefined;
    await this.bus.request(message.reply, '+ACK');
    return message.data;
  }
}

function headOf(taskId: string) {
  const now = Date.now();
  return { id: newId(now), source: '/test', subject: `task/${taskId}`, time: new Date(now).toISOString() };
}

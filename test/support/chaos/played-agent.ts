import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { TaskDetail } from '#core/api.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { streamNames } from '#core/streams.ts';
import { noUsage } from '#core/usage.ts';
import { FLEET } from '#lab/local/servers.ts';
import { newId } from '#lib/id.ts';
import { heartbeatOf } from '../messages.ts';
import { waitFor } from '../wait.ts';
import type { ControlApi } from './control-api.ts';

type Dispatch = TaskDispatch['data'];

const LONG = { timeoutMs: 60_000, everyMs: 100 };
const NEXT = '{"batch":1,"no_wait":true}';

/** An agent without a daemon: it gives its work up, and comes back with it when it has been released anew. */
export class PlayedAgent {
  readonly name: string;
  readonly #connection: NatsConnection;
  readonly #api: ControlApi;

  constructor(name: string, connection: NatsConnection, api: ControlApi) {
    this.name = name;
    this.#connection = connection;
    this.#api = api;
  }

  /** Makes it known to control. */
  async register(): Promise<void> {
    await this.#publish(`${FLEET}.heartbeat.${this.name}`, heartbeatOf(this.name, { concurrency: 4 }));
    await waitFor(
      `${this.name} to be known`,
      async () => JSON.stringify((await this.#api.call('GET', 'agents')).body).includes(`"${this.name}"`),
      LONG,
    );
  }

  /** One task: its first run is given up, its second is released, and then both bring their result, the old one first. */
  async comeBackLate(key: string): Promise<void> {
    const asked = { agent: this.name, text: key, by: 'ada', dedupKey: key };
    const { id } = (await this.#api.call('POST', 'tasks', asked)).body as { id: string };
    const first = await this.#giveUp(id);
    await this.#api.call('POST', `tasks/${id}/retry`, { by: 'ada' });
    const second = await this.#take(id, '+ACK');
    await this.#bring(first);
    await waitFor(
      'the result of the first run to be read',
      async () => (await this.#task(id)).runs.find((run) => run.id === first.runId)?.finishedAt,
      LONG,
    );
    await this.#bring(second);
  }

  async #task(id: string): Promise<TaskDetail> {
    return TaskDetail.parse((await this.#api.call('GET', `tasks/${id}`)).body);
  }

  /** Gives every delivery back until control has put the task aside. */
  async #giveUp(taskId: string): Promise<Dispatch> {
    let last: Dispatch | undefined;
    await waitFor(
      'the first run to be put aside',
      async () => {
        last = (await this.#pull('-NAK', taskId)) ?? last;
        return (await this.#task(taskId)).state === 'dead_lettered';
      },
      { ...LONG, everyMs: 20 },
    );
    if (!last) throw new Error(`the first run of ${taskId} was never delivered`);
    return last;
  }

  #take(taskId: string, answer: '+ACK'): Promise<Dispatch> {
    return waitFor('the second run to be delivered', () => this.#pull(answer, taskId), LONG);
  }

  /** The next message, if there is one and it is of this task; any other is of an older task, and goes. */
  async #pull(answer: '+ACK' | '-NAK', taskId: string): Promise<Dispatch | undefined> {
    const inbox = `_INBOX_${this.name}.${newId(Date.now())}`;
    const subscription = this.#connection.subscribe(inbox, { max: 1, timeout: 1000 });
    const ask = `$JS.API.CONSUMER.MSG.NEXT.${streamNames.tasks}.${this.name}`;
    this.#connection.publish(ask, NEXT, { reply: inbox });
    for await (const message of subscription) {
      if (!message.reply || message.data.length === 0) return undefined;
      const dispatch = TaskDispatch.schema.parse(message.json()).data;
      const ours = dispatch.taskId === taskId;
      this.#connection.publish(message.reply, ours ? answer : '+ACK');
      await this.#connection.flush();
      return ours ? dispatch : undefined;
    }
    return undefined;
  }

  #bring({ taskId, runId, epoch, attempt, session, domain }: Dispatch): Promise<void> {
    const now = new Date().toISOString();
    const head = {
      id: newId(Date.now()),
      source: '/chaos',
      subject: `task/${taskId}/run/${runId}`,
      time: now,
    };
    const result = RunResult.create(head, {
      taskId,
      runId,
      epoch,
      attempt,
      agent: this.name,
      outcome: 'success',
      summary: `This was played; it stands for run ${runId}.`,
      usage: noUsage,
      sessionKey: session.key,
      startedAt: now,
      finishedAt: now,
    });
    return this.#publish(`${FLEET}.results.${domain}.${this.name}.${taskId}`, result);
  }

  /** Until the stream has it; the message's own id keeps it single. */
  async #publish(subject: string, message: { readonly id: string }): Promise<void> {
    const options = { msgID: `played:${message.id}`, timeout: 2000 };
    await waitFor(
      `${subject} to be stored`,
      () => jetstream(this.#connection).publish(subject, JSON.stringify(message), options),
      LONG,
    );
  }
}

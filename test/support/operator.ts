import assert from 'node:assert/strict';
import type { TaskDetail, TaskView, WhyView } from '#core/api.ts';
import { CliCaller, type Ended } from './cli-call.ts';
import type { ControlOnBus } from './control-on-bus.ts';
import { type WaitOptions, waitFor } from './wait.ts';

/** A person who works with a control plane, by its API and by the command. */
export class Operator {
  readonly #control: ControlOnBus;
  readonly #name: string;

  constructor(control: ControlOnBus, name = 'ada') {
    this.#control = control;
    this.#name = name;
  }

  cli(...args: string[]): Promise<Ended> {
    const { stateDir, url, token } = this.#control;
    const settings = { OLYMPUS_API_URL: url, OLYMPUS_API_TOKEN: token, USER: this.#name };
    return new CliCaller(stateDir).run(args, settings);
  }

  async create(text: string, more: object = {}): Promise<TaskView> {
    return this.#post('/v1/tasks', { agent: 'athena', text, ...more });
  }

  async retry(id: string): Promise<TaskView> {
    return this.#post(`/v1/tasks/${id}/retry`, {});
  }

  async cancel(id: string): Promise<TaskView> {
    return this.#post(`/v1/tasks/${id}/cancel`, {});
  }

  async show(id: string): Promise<TaskDetail> {
    return (await this.#control.api<TaskDetail>('GET', `/v1/tasks/${id}`)).body;
  }

  /** The task that comes of a request with this text. */
  taskOf(text: string): Promise<TaskView> {
    return waitFor(`a task of "${text}"`, async () => {
      const { body } = await this.#control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?limit=500');
      return body.tasks.find((task) => task.text === text);
    });
  }

  async why(id: string): Promise<WhyView> {
    return (await this.#control.api<WhyView>('GET', `/v1/tasks/${id}/why`)).body;
  }

  untilState(id: string, state: string, options: WaitOptions = {}): Promise<TaskDetail> {
    return waitFor(
      `task ${id} to be ${state}`,
      async () => {
        const task = await this.show(id);
        return task.state === state && task;
      },
      options,
    );
  }

  async #post(route: string, body: object): Promise<TaskView> {
    const answer = await this.#control.api<TaskView>('POST', route, { by: this.#name, ...body });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  }
}

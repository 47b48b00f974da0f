import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { FLEET } from '#lab/local/servers.ts';
import { requestOf } from '../messages.ts';
import type { ControlApi } from './control-api.ts';
import { Random } from './random.ts';

/** What a task is for; its text begins so, and the script knows it. */
export const kindsOfWork = {
  plain: 'answered at once',
  slow: 'answered after a second and a half and two tools',
  flaky: 'its first run may fail, in a class that is tried again',
  hard: 'fails, in a class that is not',
  endless: 'goes on until somebody cancels it',
} as const satisfies Record<string, string>;
export type KindOfWork = keyof typeof kindsOfWork;

export interface Asked {
  /** As control keeps it: whose key it is, and the key. */
  readonly dedupKey: string;
  readonly work: KindOfWork;
}

interface Plan extends Asked {
  readonly key: string;
  readonly agent: string;
  readonly over: 'api' | 'bus';
  /** How often it is asked for. */
  readonly copies: number;
}

export interface AskersOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly agents: readonly string[];
  /** Connections as the agents themselves. */
  readonly connections: ReadonlyMap<string, NatsConnection>;
  readonly api: ControlApi;
  /** How long it asks in vain before it gives up. */
  readonly patienceMs: number;
}

const AT_ONCE = 8;
const RETRY_MS = 100;

/** Asks for tasks over the API and over the bus, many of them more than once, until each was taken. */
export class Askers {
  readonly #options: AskersOptions;
  readonly #plans: Plan[];
  readonly #asked: Asked[] = [];
  #duplicates = 0;
  #allowed = 0;
  #wake = Promise.withResolvers<void>();

  constructor(options: AskersOptions) {
    this.#options = options;
    this.#plans = plansOf(options);
  }

  /** Those that were taken: control said so, or the bus has stored the request. */
  get asked(): readonly Asked[] {
    return this.#asked;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** How many tasks of this kind it asks for in all. */
  count(work: KindOfWork): number {
    return this.#plans.filter((plan) => plan.work === work).length;
  }

  /** Lets this many more be asked for. */
  allow(count: number): void {
    this.#allowed += count;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Resolves when all are asked for. */
  async run(): Promise<void> {
    const queue = [...this.#plans.entries()];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [index, plan] = next;
        while (index >= this.#allowed) await this.#wake.promise;
        await this.#ask(plan);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async #ask(plan: Plan): Promise<void> {
    await Promise.all(Array.from({ length: plan.copies }, (_, copy) => this.#askOnce(plan, copy)));
    this.#duplicates += plan.copies - 1;
    this.#asked.push(plan);
    if (plan.work === 'endless') await this.#cancel(plan);
  }

  async #askOnce({ key, agent, over, work }: Plan, copy: number): Promise<void> {
    const { api, connections, patienceMs } = this.#options;
    const text = `[${work}] ${key}`;
    if (over === 'api') {
      const { status, body } = await api.call('POST', 'tasks', { agent, text, by: 'ada', dedupKey: key });
      if (status !== 201)
        throw new Error(`asking for ${key} was answered ${status}: ${JSON.stringify(body)}`);
      return;
    }
    const connection = connections.get(agent);
    if (!connection) throw new Error(`there is no connection as ${agent}`);
    const body = JSON.stringify(requestOf(agent, text, key));
    const msgID = `ask:${key}:${copy}`;
    const subject = `${FLEET}.requests.${agent}.task-create`;
    const publish = () => jetstream(connection).publish(subject, body, { msgID, timeout: 2000 });
    await untilTaken(publish, patienceMs);
  }

  /** The same request once more tells which task it is. */
  async #cancel({ key, agent }: Plan): Promise<void> {
    const { api } = this.#options;
    const asked = { agent, text: `[endless] ${key}`, by: 'ada', dedupKey: key };
    const { id } = (await api.call('POST', 'tasks', asked)).body as { id: string };
    const { status, body } = await api.call('POST', `tasks/${id}/cancel`, { by: 'ada' });
    if (status !== 200) throw new Error(`cancelling ${id} was answered ${status}: ${JSON.stringify(body)}`);
  }
}

function plansOf({ seed, tasks, agents }: AskersOptions): Plan[] {
  const random = new Random(seed ^ 0x5eed);
  return Array.from({ length: tasks }, (_, index) => {
    const agent = random.pick(agents);
    const work = workOf(random.next());
    // Whoever cancels has to know the task, which the API tells.
    const over = work === 'endless' || random.next() < 0.4 ? 'api' : 'bus';
    const key = `chaos-${seed}-${index}`;
    const copies = random.next() < 0.25 ? random.whole(2, 4) : 1;
    // The full token's own keys are kept apart from those of others.
    return { key, dedupKey: `${over === 'api' ? 'control:api:' : agent}:${key}`, agent, work, over, copies };
  });
}

function workOf(share: number): KindOfWork {
  if (share < 0.03) return 'endless';
  if (share < 0.08) return 'hard';
  if (share < 0.2) return 'flaky';
  if (share < 0.35) return 'slow';
  return 'plain';
}

async function untilTaken(publish: () => Promise<unknown>, patienceMs: number): Promise<void> {
  const givesUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      await publish();
      return;
    } catch (error) {
      if (performance.now() > givesUpAt) throw error;
      await delay(RETRY_MS);
    }
  }
}

import { messageOf } from '#core/errors.ts';
import { agentConsumersOf, buckets, controlConsumersOf, streamsOf } from '#core/streams.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { ensureBucket, ensureConsumer, ensureStream } from '#integrations/nats/topology.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Store } from '../store/store.ts';

export interface TopologyOptions {
  readonly fleet: string;
  readonly bus: BusConnection;
  readonly store: Store;
  readonly log: Logger;
  readonly clock: Clock;
}

const POLL_MS = 200;
const RECONCILE_MS = 60_000;

/** Keeps streams and consumers as the one table says: at every connection to the server, and once a minute. */
export class Topology implements Part {
  readonly name = 'topology';
  readonly #options: TopologyOptions;
  readonly #loop: Loop;
  #ensuredFor = 0;
  #ensuredAt = 0;
  #problem = 'waiting for the bus';

  constructor(options: TopologyOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: () => this.#round(),
      onError: (error) => {
        this.#problem = messageOf(error);
        options.log.error({ err: error }, 'streams could not be made');
      },
      backoff: { baseMs: 200, capMs: 5000 },
    });
  }

  /** Streams and consumers exist on the server we are connected to. */
  get ready(): boolean {
    return this.#ensuredFor > 0 && this.#ensuredFor === this.#options.bus.generation;
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: this.ready, ...(this.ready ? {} : { reason: this.#problem }) };
  }

  /** Makes the consumers of one agent exist. */
  async ensureAgent(agent: string): Promise<void> {
    const manager = await this.#options.bus.manager();
    for (const consumer of agentConsumersOf(this.#options.fleet, agent)) {
      await ensureConsumer(manager, consumer);
    }
  }

  async #round(): Promise<number> {
    const { bus, clock, log } = this.#options;
    if (!bus.connected) return POLL_MS;
    const { generation } = bus;
    if (this.ready && clock.now() - this.#ensuredAt < RECONCILE_MS) return POLL_MS;
    await this.#ensureAll();
    if (!this.ready) log.info({ generation }, 'streams and consumers are as specified');
    this.#ensuredFor = generation;
    this.#ensuredAt = clock.now();
    return POLL_MS;
  }

  async #ensureAll(): Promise<void> {
    const { bus, fleet, store } = this.#options;
    const manager = await bus.manager();
    for (const stream of streamsOf(fleet)) await ensureStream(manager, stream);
    for (const bucket of buckets) await ensureBucket(manager, bucket);
    for (const consumer of controlConsumersOf(fleet)) await ensureConsumer(manager, consumer);
    for (const agent of await store.read.agents.list()) {
      await this.ensureAgent(agent.name);
    }
  }
}

import { messageOf } from '#core/errors.ts';
import { agentConsumersOf, buckets, controlConsumersOf, streamsOf } from '#core/streams.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { type Drift, describeDrift } from '#integrations/nats/drift.ts';
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
  /** What the last round could not do, or found that differs from the table and stays so. */
  #problem: string | undefined;

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

  /** Not ready, too, with streams that are not what they should be; they are used all the same. */
  health(): Health {
    const reason = this.#problem ?? (this.ready ? undefined : 'waiting for the bus');
    return {
      live: this.#loop.live,
      ready: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    };
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
    this.#tell(await this.#ensureAll());
    if (!this.ready) log.info({ generation }, 'streams and consumers are there');
    this.#ensuredFor = generation;
    this.#ensuredAt = clock.now();
    return POLL_MS;
  }

  #tell(drifts: readonly Drift[]): void {
    const problem = drifts.length > 0 ? describeDrift(drifts) : undefined;
    // Said once: the next round a minute later finds the same.
    if (problem !== undefined && problem !== this.#problem) {
      this.#options.log.error({ drifts, problem }, 'streams are not as specified');
    }
    this.#problem = problem;
  }

  /** Goes through all of it, whatever fails on the way; answers what differs and cannot be put right. */
  async #ensureAll(): Promise<Drift[]> {
    const { bus, fleet, store } = this.#options;
    const manager = await bus.manager();
    const agents = await store.read.agents.list();
    const consumers = agents.flatMap(({ name }) => agentConsumersOf(fleet, name));
    const steps: (() => Promise<Drift[]>)[] = [
      ...streamsOf(fleet).map((stream) => () => ensureStream(manager, stream)),
      ...buckets.map((bucket) => () => ensureBucket(manager, bucket)),
      ...[...controlConsumersOf(fleet), ...consumers].map(
        (consumer) => () => ensureConsumer(manager, consumer),
      ),
    ];
    const drifts: Drift[] = [];
    const failures: unknown[] = [];
    for (const step of steps)
      await step().then(
        (found) => drifts.push(...found),
        (error: unknown) => failures.push(error),
      );
    // The first is why: the others may only follow from it.
    if (failures.length > 0) throw failures[0];
    return drifts;
  }
}

import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { agentGrants, type Grant, grantsOf, knightGrants } from '#core/permissions.ts';
import { agentConsumersOf, buckets, controlConsumersOf, streamNames, streamsOf } from '#core/streams.ts';
import { newUserKey } from '#integrations/nats/keys.ts';
import { renderServerConfig } from '#integrations/nats/server-config.ts';
import { ensureBucket, ensureConsumer, ensureStream } from '#integrations/nats/topology.ts';
import { type NatsServer, startNatsServer } from '../nats-server.ts';
import { BusClient } from './client.ts';

export const FLEET = 'f1';
export const AGENTS = ['athena', 'apollo'] as const;
export type AgentName = (typeof AGENTS)[number];

/** A real server with control and two agents, its streams as the product makes them, and a message in each. */
export class FleetBus implements AsyncDisposable {
  readonly #server: NatsServer;
  readonly #keys: Keys;

  private constructor(server: NatsServer, keys: Keys) {
    this.#server = server;
    this.#keys = keys;
  }

  static async start(): Promise<FleetBus> {
    const keys = {
      control: newUserKey(),
      athena: newUserKey(),
      apollo: newUserKey(),
      knight: newUserKey(),
    };
    const bus = new FleetBus(await startNatsServer({ config: configOf(keys, agentGrants, AGENTS) }), keys);
    await bus.#fill();
    return bus;
  }

  /** Starts the server anew with what `table` grants. `agents` are those that have an account. */
  async rule(table: readonly Grant[], agents: readonly AgentName[] = AGENTS): Promise<void> {
    await this.#restartWith(configOf(this.#keys, table, agents));
  }

  /** The same with this agent as a user of control's account, of the same permissions. */
  async ruleShared(agent: AgentName): Promise<void> {
    const keys = this.#keys;
    const subjects = (does: readonly Grant['does'][]): string =>
      grantsOf(FLEET, agent)
        .filter((grant) => does.includes(grant.does))
        .map(({ subject }) => `"${subject}"`)
        .join(', ');
    const user = `{ nkey: ${keys[agent].publicKey}, permissions: {
      publish: { allow: [${subjects(['call'])}] }
      subscribe: { allow: [${subjects(['serve', 'listen'])}] } } }`;
    const others = AGENTS.filter((name) => name !== agent);
    const controlAlone = `{ nkey: ${keys.control.publicKey} }`;
    const text = configOf(keys, agentGrants, others).replace(controlAlone, `${controlAlone}, ${user}`);
    await this.#restartWith(text);
  }

  async #restartWith(config: string): Promise<void> {
    await this.#server.reload(config);
    // The imports of an account that a reload has added are dead; a start knows them all.
    await this.#server.restart();
    await this.#fill();
  }

  /** Streams and consumers, made or looked at, and a message for each subject of `storedOf` that holds none. */
  async #fill(): Promise<void> {
    await using control = await this.connect('control');
    const manager = await managerOf(control);
    for (const stream of streamsOf(FLEET)) await ensureStream(manager, stream);
    // Nothing may go by itself while a test compares.
    for (const bucket of buckets) await ensureBucket(manager, { ...bucket, ttlMs: 0 });
    for (const consumer of controlConsumersOf(FLEET)) await ensureConsumer(manager, consumer);
    for (const agent of AGENTS) {
      for (const consumer of agentConsumersOf(FLEET, agent)) await ensureConsumer(manager, consumer);
    }
    for (const [index, subject] of AGENTS.flatMap(storedOf).entries()) {
      const stream = STORED_IN[index % STORED_IN.length] ?? '';
      const { state } = await manager.streams.info(stream, { subjects_filter: subject });
      if (!state.subjects) await jetstream(control.connection).publish(subject, '{}');
    }
  }

  /** The same without a new start: running clients stay connected. */
  async reload(agents: readonly AgentName[]): Promise<void> {
    await this.#server.reload(configOf(this.#keys, agentGrants, agents));
  }

  /**
   * Tells the running server what these tables grant; throws when it refuses them. Enough to see what it refuses to
   * those who connect after; imports that this adds are dead until a new start.
   */
  async regrant(agents: readonly Grant[], knights: readonly Grant[] = knightGrants): Promise<void> {
    await this.#server.reload(configOf(this.#keys, agents, AGENTS, knights));
  }

  /** How a program of ours gets there as control. */
  get controlAccess(): { readonly url: string; readonly seed: string } {
    return { url: this.#server.url, seed: this.#keys.control.seed };
  }

  connect(who: Who): Promise<BusClient> {
    const inbox = who === 'control' ? undefined : `_INBOX_${who}`;
    return BusClient.connect(this.#server.url, this.#keys[who].seed, inbox);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

type Who = AgentName | 'control' | 'knight';
type Keys = Readonly<Record<Who, { readonly seed: string; readonly publicKey: string }>>;

function configOf(
  keys: Keys,
  table: readonly Grant[],
  agents: readonly AgentName[],
  knights: readonly Grant[] = knightGrants,
): string {
  const input = {
    fleet: FLEET,
    listen: '127.0.0.1:0',
    storeDir: '/unused', // the test's server has its own
    controlKey: keys.control.publicKey,
    agentKeys: Object.fromEntries(agents.map((name) => [name, keys[name].publicKey])),
    knightKey: keys.knight.publicKey,
  };
  return renderServerConfig(input, table, knights);
}

export function managerOf(client: BusClient): Promise<JetStreamManager> {
  return jetstreamManager(client.connection, { checkAPI: false });
}

/** A subject in each stream that holds something of this agent. */
export function storedOf(agent: string): string[] {
  return [
    `${FLEET}.requests.${agent}.task-create`,
    `${FLEET}.tasks.security.${agent}.run1`,
    `${FLEET}.runs.${agent}.run1.claimed`,
    `${FLEET}.results.security.${agent}.task1`,
    `${FLEET}.heartbeat.${agent}`,
    `${FLEET}.deliveries.${agent}.d1`,
    `roundtable.events.${FLEET}.agent.${agent}.seen`,
    `$KV.agents.${agent}`,
    `$KV.leases.${agent}`,
    `${FLEET}.dlq.${streamNames.requests}.${agent}`,
    `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${streamNames.tasks}.${agent}`,
    `$O.artifacts.C.${agent}`,
  ];
}

/** The stream of each subject of `storedOf`, in its order. */
export const STORED_IN = [
  streamNames.requests,
  streamNames.tasks,
  streamNames.runlog,
  streamNames.results,
  streamNames.heartbeat,
  streamNames.deliveries,
  streamNames.events,
  'KV_agents',
  'KV_leases',
  streamNames.deadLetters,
  streamNames.advisory,
  streamNames.artifacts,
] as const;

import type { Manifest } from '#core/manifest.ts';
import { Heartbeat } from '#core/messages/heartbeat.ts';
import type { Subjects } from '#core/subjects.ts';
import type { User } from '#integrations/mattermost/posts.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { publish } from '#integrations/nats/publisher.ts';
import type { Clock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import type { Health, Part, PartHealth } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Lease } from './lease.ts';

export interface HeartbeatOptions {
  readonly fleet: string;
  readonly manifest: Manifest;
  readonly subjects: Subjects;
  readonly version: string;
  readonly bus: BusConnection;
  readonly everyMs: number;
  readonly lease: Lease;
  readonly conditions: () => PartHealth[];
  readonly runIds: () => string[];
  readonly takesWork: () => boolean;
  readonly account: () => User | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

const POLL_MS = 1000;

/**
 * Tells control what this agent is and how it does: regularly, and at once when that changes. A daemon that waits for
 * another one's lease says nothing: the other speaks for the agent.
 */
export class HeartbeatPart implements Part {
  readonly name = 'heartbeat';
  readonly #options: HeartbeatOptions;
  readonly #loop: Loop;
  readonly #startedAt: string;
  #lastSentAt = 0;
  #lastSaid = '';
  /** The connection on which the server has stored a heartbeat of ours. */
  #storedOn = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#startedAt = new Date(options.clock.now()).toISOString();
    this.#loop = new Loop({
      clock: options.clock,
      round: () => this.#round(),
      onError: (error) => options.log.debug({ err: error }, 'heartbeat not sent'),
      backoff: { baseMs: POLL_MS, capMs: POLL_MS },
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /**
   * Ready once the server has stored a heartbeat: being connected proves nothing, for the account of an agent that was
   * added to a running server reaches nobody before its second reload.
   */
  health(): Health {
    const { bus, lease } = this.#options;
    // Without a connection it is the bus that is not ready; without the lease, the lease.
    const ready = !bus.connected || lease.waiting || this.#storedOn === bus.generation;
    const reason = 'nats-server has not stored a heartbeat of this agent yet';
    return { live: this.#loop.live, ready, ...(ready ? {} : { reason }) };
  }

  async #round(): Promise<number> {
    const { bus, everyMs, clock, subjects, manifest, fleet, lease } = this.#options;
    if (!bus.connected || lease.waiting) return POLL_MS;
    const { generation } = bus;
    const data = this.#data();
    const said = JSON.stringify(data);
    const proven = this.#storedOn === generation;
    if (proven && said === this.#lastSaid && clock.now() - this.#lastSentAt < everyMs) return POLL_MS;
    const id = newId(clock.now());
    const message = Heartbeat.create(
      {
        id,
        source: `/fleets/${fleet}/agents/${manifest.name}`,
        subject: `agent/${manifest.name}`,
        time: new Date(clock.now()).toISOString(),
      },
      data,
    );
    await publish(bus, {
      subject: subjects.heartbeat(manifest.name),
      msgId: `heartbeat:${id}`,
      body: JSON.stringify(message),
    });
    this.#storedOn = generation;
    this.#lastSaid = said;
    this.#lastSentAt = clock.now();
    return POLL_MS;
  }

  #data(): Heartbeat['data'] {
    const { manifest, version, conditions, runIds, takesWork, account, everyMs, lease } = this.#options;
    const parts = conditions();
    const me = account();
    const runs = runIds();
    return {
      agent: manifest.name,
      role: manifest.role,
      domains: manifest.domains,
      version,
      startedAt: this.#startedAt,
      everyMs,
      ready: parts.every((part) => part.ready),
      conditions: parts.map(({ name, ready, alarm, reason }) => ({
        name,
        ready,
        ...(alarm ? { alarm } : {}),
        ...(ready || !reason ? {} : { reason }),
      })),
      limits: {
        concurrency: manifest.limits.concurrency,
        depth: manifest.limits.depth,
        runTimeoutMs: manifest.limits.run_timeout * 1000,
      },
      ...(manifest.delegates_to ? { delegatesTo: manifest.delegates_to } : {}),
      runs,
      duty: takesWork() ? 'working' : runs.length > 0 ? 'draining' : 'drained',
      ...(lease.epoch === undefined ? {} : { lease: { epoch: lease.epoch } }),
      ...(me ? { chat: { userId: me.id, username: me.username } } : {}),
    };
  }
}

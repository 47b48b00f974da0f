import type { Clock } from '#lib/clock.ts';
import { type ConnectionOwner, EventConnection } from './connection.ts';
import type { Publisher, ServerEvent } from './events.ts';
import type { FaultGate } from './faults.ts';
import type { Store } from './store.ts';

/** How long a connection without a socket is kept (web_hub.go: inactiveConnReaperInterval). */
const INACTIVE_LIMIT_MS = 5 * 60_000;

/** All event streams, and which event goes to which (web_hub.go). */
export class Hub implements Publisher {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #faults: FaultGate;
  #connections: EventConnection[] = [];

  constructor(options: { clock: Clock; store: Store; faults: FaultGate }) {
    this.#clock = options.clock;
    this.#store = options.store;
    this.#faults = options.faults;
  }

  register(owner: ConnectionOwner): EventConnection {
    const connection = new EventConnection(owner, () => this.#faults.dropsEvent());
    this.#connections.push(connection);
    return connection;
  }

  /** The user's stream of that id, if it is known and waits for a socket; one that is still open is not given away. */
  claim(userId: string, connectionId: string): EventConnection | undefined {
    this.#reap();
    return this.#connections.find(
      (connection) =>
        connection.id === connectionId && connection.owner.userId === userId && !connection.isActive,
    );
  }

  connections(): readonly EventConnection[] {
    return this.#connections;
  }

  hasActive(userId: string): boolean {
    return this.#connections.some((connection) => connection.owner.userId === userId && connection.isActive);
  }

  publish(event: ServerEvent): void {
    this.#reap();
    const overflown = this.#connections.filter(
      (connection) => this.#reaches(event, connection.owner.userId) && !connection.push(event),
    );
    if (overflown.length > 0) {
      this.#connections = this.#connections.filter((connection) => !overflown.includes(connection));
    }
  }

  deafen(who: { userId: string } | { token: string }): void {
    for (const connection of this.#connections) {
      const { userId, token } = connection.owner;
      if ('userId' in who ? userId === who.userId : token === who.token) connection.deafen();
    }
  }

  /** Closes sockets; the streams wait. With `forget` they are gone, as after a restart. */
  cut(options: { userId?: string; forget?: boolean } = {}): number {
    const cut = this.#connections.filter(
      (connection) => options.userId === undefined || connection.owner.userId === options.userId,
    );
    const active = cut.filter((connection) => connection.isActive);
    if (options.forget) this.#connections = this.#connections.filter((kept) => !cut.includes(kept));
    for (const connection of active) connection.close(this.#clock.now());
    return active.length;
  }

  /** A user-targeted event goes to that user, a channel event to members, a team event to its people, else to all. */
  #reaches(event: ServerEvent, userId: string): boolean {
    const { target } = event;
    if (target.omitUsers?.includes(userId)) return false;
    if (target.userId !== undefined) return target.userId === userId;
    if (target.channelId !== undefined) return this.#store.channels.isMember(target.channelId, userId);
    if (target.teamId !== undefined) return this.#store.channels.isInTeam(target.teamId, userId);
    return true;
  }

  #reap(): void {
    const oldest = this.#clock.now() - INACTIVE_LIMIT_MS;
    this.#connections = this.#connections.filter(
      (connection) => connection.inactiveSince === undefined || connection.inactiveSince > oldest,
    );
  }
}

import type { Clock } from '#lib/clock.ts';
import type { Status, StatusName } from '../model.ts';

/** Presence: what a user chose by hand, else what its sockets and requests say. */
export class StatusStore {
  readonly #clock: Clock;
  readonly #statuses = new Map<string, Status>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(userId: string): Status {
    return (
      this.#statuses.get(userId) ?? {
        user_id: userId,
        status: 'offline',
        manual: false,
        last_activity_at: 0,
        dnd_end_time: 0,
      }
    );
  }

  known(): Status[] {
    return [...this.#statuses.values()];
  }

  /** A choice by hand; choosing "online" goes back to automatic (recorded: 40 and 108). */
  choose(userId: string, status: StatusName): boolean {
    return this.#set(userId, status, status !== 'online');
  }

  /** What the server sees by itself; it never overrides a choice by hand. */
  observe(userId: string, status: 'online' | 'offline'): boolean {
    return this.get(userId).manual ? false : this.#set(userId, status, false);
  }

  /** Whether the status is another one than before. */
  #set(userId: string, status: StatusName, manual: boolean): boolean {
    const before = this.get(userId);
    this.#statuses.set(userId, { ...before, status, manual, last_activity_at: this.#clock.now() });
    return before.status !== status;
  }
}

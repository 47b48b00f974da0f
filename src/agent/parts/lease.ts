import { messageOf } from '#core/errors.ts';
import { bucketNames, LEASE_TTL_MS } from '#core/streams.ts';
import { type WriteOutcome, writeExpected } from '#integrations/nats/compare-and-set.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import type { Clock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { Journal } from '../journal/journal.ts';

export interface LeaseOptions {
  readonly agent: string;
  readonly bus: BusConnection;
  readonly journal: Journal;
  /** That of the bucket. */
  readonly ttlMs?: number;
  /** Called each time it was taken, not when it was renewed. */
  readonly onHeld: () => void;
  /** Called when it is certain that another daemon has it. */
  readonly onElsewhere: () => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
}

const POLL_MS = 250;
/** Shares of the time that a lease lasts. */
const RENEW_AFTER = 1 / 3;
const ASK_AGAIN_AFTER = 1 / 15;
/** What is left unused at its end: for the way from asking `held` to what is then begun, and for clocks that run apart. */
const MARGIN = 1 / 5;
/** The shortest that the server takes. */
const GONE_AFTER_SECONDS = 1;

/**
 * That this daemon, and no other of its agent, may run work. Held by writing a key of the bus with its expected last
 * sequence, again and again; whoever stops writing loses it when the bucket forgets the key (docs/decisions/0021).
 *
 * INVARIANTS
 * - `held` is true only after a write of ours was stored, and for less time than the bucket keeps it;
 * - what others may do follows from the outcome of writes alone: nothing is read;
 * - the sequence is in the journal before it counts, so that the next process of this journal takes over at once.
 */
export class Lease implements Part {
  readonly name = 'lease';
  readonly #options: LeaseOptions;
  readonly #ttlMs: number;
  readonly #loop: Loop;
  readonly #instance = newNonce();
  #expects = 0;
  #epoch: number | undefined;
  #since = '';
  /** Monotonic, like all moments here: the wall clock may be set. */
  #heldUntil = 0;
  /** Until then, what stands there may be a write of ours of whose outcome we know nothing. */
  #unsureUntil = 0;
  #waitingSince: string | undefined;
  #elsewhere = false;
  #trouble = 'nats-server was not asked yet';

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#ttlMs = options.ttlMs ?? LEASE_TTL_MS;
    this.#loop = new Loop({
      clock: options.clock,
      round: () => this.#round(),
      onError: (error) => this.#unwritten(error),
      backoff: { baseMs: POLL_MS, capMs: this.#ttlMs / 10 },
    });
  }

  /** Whether work may be begun, and said on the bus, at this moment. */
  get held(): boolean {
    return performance.now() < this.#heldUntil;
  }

  /** Somebody else holds it, as far as is known: this daemon speaks for the agent nowhere. */
  get waiting(): boolean {
    return this.#waitingSince !== undefined;
  }

  /** The sequence of the write by which it was taken: greater than that of every holder before. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  async start(): Promise<void> {
    this.#expects = this.#options.journal.lease.sequence;
    // A former process may have been killed between its last write and the journal.
    if (this.#expects > 0) this.#unsureUntil = performance.now() + this.#ttlMs;
    this.#loop.start();
  }

  /** Gives it up; without the bus it lapses. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#heldUntil = 0;
    const { bus, log } = this.#options;
    if (this.#epoch === undefined || !bus.connected) return;
    try {
      const outcome = await this.#write(GONE_AFTER_SECONDS);
      if (outcome.kind === 'stored') await this.#journal(outcome.sequence);
      log.info({ epoch: this.#epoch, given: outcome.kind === 'stored' }, 'lease given up');
    } catch (error) {
      log.info({ err: error }, 'lease left to lapse');
    }
  }

  health(): Health {
    const { live } = this.#loop;
    if (this.held) return { live, ready: true };
    const { agent } = this.#options;
    const reason = this.waiting
      ? `another daemon of ${agent} holds its lease; waiting since ${this.#waitingSince}`
      : `the lease of ${agent} is not held: ${this.#trouble}`;
    return { live, ready: false, reason };
  }

  async #round(): Promise<number> {
    if (!this.#options.bus.connected) return POLL_MS;
    const askedAt = performance.now();
    const outcome = await this.#write();
    if (outcome.kind === 'refused') return this.#refused(outcome.last);
    await this.#stored(outcome.sequence, askedAt);
    return this.#ttlMs * RENEW_AFTER;
  }

  #write(endsAfterSeconds?: number): Promise<WriteOutcome> {
    const { bus, agent } = this.#options;
    const value = { instance: this.#instance, ...(this.#since ? { since: this.#since } : {}) };
    const more = endsAfterSeconds ? { endsAfterSeconds } : {};
    return writeExpected(bus, {
      bucket: bucketNames.leases,
      key: agent,
      value,
      expects: this.#expects,
      ...more,
    });
  }

  async #stored(sequence: number, askedAt: number): Promise<void> {
    const { onHeld, log } = this.#options;
    const regained = !this.held;
    // Before it is in the journal, which may fail: the lease is held all the same, and the next write follows this one.
    this.#expects = sequence;
    this.#heldUntil = askedAt + this.#ttlMs * (1 - MARGIN);
    this.#unsureUntil = 0;
    this.#waitingSince = undefined;
    this.#elsewhere = false;
    if (this.#epoch === undefined) {
      this.#epoch = sequence;
      this.#since = this.#now();
      log.info({ epoch: sequence }, 'lease taken');
    }
    if (regained) onHeld();
    await this.#journal(sequence);
  }

  /** Decides what a refusal means, and after how long to ask again. */
  async #refused(last: number | undefined): Promise<number> {
    const { log, onElsewhere } = this.#options;
    const unsure = performance.now() < this.#unsureUntil;
    if (last && unsure && this.held) {
      // Ours has not lapsed, so that nobody else can have written: it is the write of which we heard nothing.
      this.#expects = last;
      return 0;
    }
    if (this.#epoch !== undefined) log.warn({ epoch: this.#epoch, last }, 'lease lost');
    this.#heldUntil = 0;
    this.#epoch = undefined;
    this.#since = '';
    this.#expects = 0;
    if (last === 0) return 0; // It has lapsed and is free.
    this.#waitingSince ??= this.#now();
    if (!unsure && !this.#elsewhere) {
      log.warn({ since: this.#waitingSince }, 'another daemon of this agent holds its lease; waiting');
      await onElsewhere();
      this.#elsewhere = true; // Not before: what failed is done again.
    }
    return this.#ttlMs * ASK_AGAIN_AFTER;
  }

  #unwritten(error: unknown): void {
    this.#unsureUntil = performance.now() + this.#ttlMs;
    const reason = messageOf(error);
    if (reason !== this.#trouble) this.#options.log.warn({ err: error }, 'lease not written, trying again');
    this.#trouble = reason;
  }

  #journal(sequence: number): Promise<void> {
    const { journal } = this.#options;
    return journal.transaction(() => journal.lease.wrote(sequence));
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

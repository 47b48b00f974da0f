import type { Clock } from './clock.ts';
import type { Health, Part } from './lifecycle.ts';
import type { Logger } from './log.ts';
import { Loop } from './loop.ts';

/** Something written down that has to go out. `key` is its idempotency key. */
export interface OutboxEntry {
  readonly id: number;
  readonly key: string;
  /** Entries of one lane go out one after another; those of different lanes at the same time. The key, where it is alone. */
  readonly lane: string;
  readonly payload: unknown;
  /** Sends that were begun before this one. */
  readonly attempts: number;
}

/** Where the entries are written down, in order. */
export interface OutboxSource {
  /**
   * The oldest that are not done, among them perhaps those of `sent`, which are about to be; what comes in its lane after
   * one that is not among those may be left out.
   */
  next(limit: number, sent: readonly number[]): Promise<readonly OutboxEntry[]>;
  /** Written before the send: after a crash it says that the effect may have happened. */
  begin(ids: readonly number[]): Promise<void>;
  done(ids: readonly number[]): Promise<void>;
  isDone(key: string): Promise<boolean>;
}

export interface RelayOptions {
  readonly name: string;
  readonly source: OutboxSource;
  /** Sends one entry; throws when it has to be tried again. Sending twice must have the effect once. */
  readonly send: (entry: OutboxEntry, signal: AbortSignal) => Promise<void>;
  /** How many entries may be on their way at once. */
  readonly atOnce: number;
  readonly log: Logger;
  readonly clock: Clock;
}

const IDLE_MS = 60_000;
const REST_MS = 1_000;

/**
 * Sends the entries of an outbox until each is done (transactional outbox, Richardson): those of a lane in order, the
 * first of each lane together, so that what is written down about them shares a commit. A lane that does not get on
 * is left for a moment as long as there are others.
 * INVARIANT: an entry is begun before it is sent and written down as done only after; what a crash leaves between is
 * sent again under the same key.
 */
export class Relay implements Part {
  readonly name: string;
  readonly #options: RelayOptions;
  readonly #loop: Loop;
  readonly #waiters = new Map<string, () => void>();
  /** Entries that were sent and are about to be written down as done, by id, with their keys: not to be sent again. */
  readonly #sent = new Map<number, string>();
  #marking: Promise<void> = Promise.resolve();
  /** Those of them that could not be written down, which is tried again before anything else is sent. */
  readonly #unmarked = new Set<number>();
  #failing: string | undefined;
  /** Lanes that did not get on, and until when others come before them. */
  readonly #resting = new Map<string, number>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.name = options.name;
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => ((await this.#sendBatch(signal)) ? 0 : IDLE_MS),
      onError: (error) => this.#failed(error),
      backoff: { baseMs: 100, capMs: 5000 },
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  /** To be called after something was written down. */
  wake(): void {
    this.#loop.wake();
  }

  /** Resolves once the entry with this key has been sent; rejects when `signal` aborts first. */
  async sent(key: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiters.set(key, resolve);
    try {
      signal.throwIfAborted();
      // Asked after the waiter is in place, and in this order, so that a send between the two is not missed.
      if ([...this.#sent.values()].includes(key)) return;
      if (await this.#options.source.isDone(key)) return;
      this.wake();
      await promise;
    } finally {
      this.#waiters.delete(key);
      signal.removeEventListener('abort', onAbort);
      promise.catch(() => undefined);
    }
  }

  /** Sends what can still be sent before `signal` aborts; the rest stays on disk for the next start. */
  async stop(signal: AbortSignal): Promise<void> {
    await this.#loop.stop();
    try {
      while (!signal.aborted && (await this.#sendBatch(signal)));
    } catch (error) {
      this.#options.log.info({ err: error }, 'left in the outbox');
    }
    await this.#marking;
  }

  health(): Health {
    // A peer that is away is that peer's own readiness; the relay only has to advance.
    return { live: this.#loop.live, ready: true, ...(this.#failing ? { reason: this.#failing } : {}) };
  }

  /** Resolves with whether there may be more; rejects when there was something and none of it could be sent. */
  async #sendBatch(signal: AbortSignal): Promise<boolean> {
    const { source, send, clock } = this.#options;
    if (this.#unmarked.size > 0) await this.#markAgain();
    const { heads, isAll } = await this.#heads();
    if (heads.length === 0) return false;
    await source.begin(heads.map(({ id }) => id));
    const outcomes = await Promise.allSettled(heads.map((entry) => send(entry, signal)));
    const sent = heads.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    const kept = heads.filter((entry) => !sent.includes(entry));
    for (const { lane } of sent) this.#resting.delete(lane);
    for (const { lane } of kept) this.#resting.set(lane, clock.now() + REST_MS);
    if (sent.length > 0) this.#marking = this.#mark(sent, this.#marking);
    for (const { key } of sent) this.#waiters.get(key)?.();
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure && sent.length === 0) throw failure.reason;
    if (failure) this.#failed(failure.reason);
    else if (this.#resting.size === 0) this.#failing = undefined;
    return !isAll || this.#resting.size > 0;
  }

  /**
   * What is to be sent next: the first of each lane; of those that rest only when there are no others. `isAll` where
   * nothing is written down besides.
   */
  async #heads(): Promise<{ readonly heads: readonly OutboxEntry[]; readonly isAll: boolean }> {
    const { source, atOnce, clock } = this.#options;
    const limit = atOnce + this.#sent.size + this.#resting.size;
    const open = await source.next(limit, [...this.#sent.keys()]);
    const heads = firstOfEachLane(open.filter(({ id }) => !this.#sent.has(id)));
    const now = clock.now();
    for (const [lane, until] of this.#resting) {
      if (until <= now && !open.some((entry) => entry.lane === lane)) this.#resting.delete(lane);
    }
    const rested = heads.filter(({ lane }) => (this.#resting.get(lane) ?? 0) <= now);
    const chosen = (rested.length > 0 ? rested : heads).slice(0, atOnce);
    // In a lane there may be more that was not shown.
    const alone = chosen.every(({ lane, key }) => lane === key);
    return { heads: chosen, isAll: alone && chosen.length === heads.length && open.length < limit };
  }

  /** Nobody waits for this: what a crash takes of it is sent again under the same key. */
  async #mark(entries: readonly OutboxEntry[], before: Promise<void>): Promise<void> {
    for (const { id, key } of entries) this.#sent.set(id, key);
    try {
      await Promise.all([this.#options.source.done(entries.map(({ id }) => id)), before]);
      for (const { id } of entries) this.#sent.delete(id);
    } catch {
      for (const { id } of entries) this.#unmarked.add(id);
      this.#loop.wake(); // The round says why.
    }
  }

  async #markAgain(): Promise<void> {
    const ids = [...this.#unmarked];
    await this.#options.source.done(ids);
    for (const id of ids) {
      this.#unmarked.delete(id);
      this.#sent.delete(id);
    }
  }

  #failed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#failing !== reason) this.#options.log.warn({ err: error }, 'send failed, kept');
    this.#failing = reason;
  }
}

function firstOfEachLane(entries: readonly OutboxEntry[]): OutboxEntry[] {
  const lanes = new Set<string>();
  return entries.filter(({ lane }) => !lanes.has(lane) && lanes.add(lane));
}

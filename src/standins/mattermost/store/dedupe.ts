import type { Clock } from '#lib/clock.ts';

const MEMORY_MS = 30_000;

export type DedupeAnswer = { kind: 'new' } | { kind: 'pending' } | { kind: 'known'; postId: string };

/**
 * Which pending_post_id was seen in the last 30 s (post.go: deduplicateCreatePost, PendingPostIDsCacheTTL).
 * Held in memory: a restart forgets it.
 */
export class DedupeMemory {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { postId: string | undefined; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Marks the id as under way unless it is known. An empty id is always new. */
  begin(pendingId: string): DedupeAnswer {
    if (pendingId === '') return { kind: 'new' };
    const seen = this.#seen.get(pendingId);
    if (!seen || this.#clock.now() - seen.at >= MEMORY_MS) {
      this.#seen.set(pendingId, { postId: undefined, at: this.#clock.now() });
      return { kind: 'new' };
    }
    return seen.postId === undefined ? { kind: 'pending' } : { kind: 'known', postId: seen.postId };
  }

  /** Remembers the post made for the id; `undefined` forgets the id, so that a failed send can be repeated. */
  end(pendingId: string, postId: string | undefined): void {
    if (pendingId === '') return;
    if (postId === undefined) this.#seen.delete(pendingId);
    else this.#seen.set(pendingId, { postId, at: this.#clock.now() });
  }

  forget(): void {
    this.#seen.clear();
  }
}

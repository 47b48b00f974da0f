/** At most so many at once; whoever comes later waits for its turn. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with what gives the slot back, to be called once; rejects when `signal` aborts first. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    return () => {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free += 1;
    };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onTurn = (): void => {
      this.#waiting.delete(onTurn);
      resolve();
    };
    const onAbort = (): void => {
      // Once it has been given the slot, an abort comes too late: the slot would be lost.
      if (this.#waiting.delete(onTurn)) reject(signal.reason);
    };
    this.#waiting.add(onTurn);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

const LIMIT = 5000;

/** One request the server saw. */
export interface SeenRequest {
  /** Counts up from 1; pass the last one seen as `since`. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly user: string | undefined;
  readonly at: number;
  status: number | undefined;
}

/** The last 5,000 requests; older ones are forgotten. */
export class RequestLog {
  readonly #seen: SeenRequest[] = [];
  #count = 0;

  add(request: { method: string; path: string; user: string | undefined; at: number }): SeenRequest {
    const entry: SeenRequest = { ...request, number: ++this.#count, status: undefined };
    this.#seen.push(entry);
    if (this.#seen.length > LIMIT) this.#seen.shift();
    return entry;
  }

  since(number: number): SeenRequest[] {
    return this.#seen.filter((entry) => entry.number > number);
  }

  get count(): number {
    return this.#count;
  }
}

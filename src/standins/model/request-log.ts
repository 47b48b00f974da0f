import type { PromptMessage } from './prompt.ts';

/** One call the stand-in received. */
export interface LoggedRequest {
  /** Counts from 1 and never repeats. */
  readonly seq: number;
  readonly at: string;
  readonly api: 'openai' | 'anthropic';
  readonly model: string;
  readonly system: string;
  readonly messages: readonly PromptMessage[];
  readonly digest: string;
  readonly behaviour: string;
  /** `gone` means that the caller hung up before the end. */
  outcome: 'pending' | 'done' | 'gone';
}

/** The last calls, oldest dropped first beyond `limit`. */
export class RequestLog {
  readonly #limit: number;
  #entries: LoggedRequest[] = [];
  #seq = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(entry: Omit<LoggedRequest, 'seq' | 'outcome'>): LoggedRequest {
    const logged: LoggedRequest = { ...entry, seq: ++this.#seq, outcome: 'pending' };
    this.#entries.push(logged);
    this.#entries = this.#entries.slice(-this.#limit);
    return logged;
  }

  since(seq: number): readonly LoggedRequest[] {
    return this.#entries.filter((entry) => entry.seq > seq);
  }
}

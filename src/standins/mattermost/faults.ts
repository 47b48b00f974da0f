import type { Clock } from '#lib/clock.ts';

/** Which requests a fault is about; an absent field matches all. */
export interface RequestFilter {
  readonly method?: string;
  /** A regular expression on the path with its query. */
  readonly pathPattern?: RegExp;
}

export type Fault =
  | { readonly kind: 'drop-events'; count: number }
  | ({ readonly kind: 'delay'; readonly ms: number } & RequestFilter)
  | ({ readonly kind: 'fail-next'; readonly status: 429 | 500 | 501 | 502; count: number } & RequestFilter)
  | ({ readonly kind: 'answer-lost'; count: number } & RequestFilter)
  | ({ readonly kind: 'hold'; readonly when: 'before' | 'after' } & RequestFilter)
  | { readonly kind: 'refuse-sockets' }
  | { readonly kind: 'deaf-to-pings'; readonly answers: boolean };

/** A request as the faults see it. */
export interface FaultSubject {
  readonly method: string;
  readonly url: string;
}

export interface HeldRequest extends FaultSubject {
  readonly when: 'before' | 'after';
  readonly at: number;
}

/** The switched-on faults and the requests they hold. */
export class FaultGate {
  readonly #clock: Clock;
  #faults: Fault[] = [];
  readonly #held = new Map<HeldRequest, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(fault: Fault): void {
    this.#faults.push(fault);
  }

  list(): readonly Fault[] {
    return this.#faults;
  }

  held(): HeldRequest[] {
    return [...this.#held.keys()];
  }

  /** Switches every fault off and lets held requests go. */
  clear(): void {
    this.#faults = [];
    this.release();
  }

  /** Ends all holds; the requests they parked go on. Says how many. */
  release(): number {
    this.#faults = this.#faults.filter((fault) => fault.kind !== 'hold');
    const parked = [...this.#held.values()];
    this.#held.clear();
    for (const resume of parked) resume();
    return parked.length;
  }

  /** The status this request shall fail with; counts it. */
  failureFor(subject: FaultSubject): 429 | 500 | 501 | 502 | undefined {
    const fault = this.#take('fail-next', subject);
    return fault?.kind === 'fail-next' ? fault.status : undefined;
  }

  /** Whether the answer to this request shall be lost; counts it. */
  losesAnswer(subject: FaultSubject): boolean {
    return this.#take('answer-lost', subject) !== undefined;
  }

  /** Whether the next event frame shall not be sent; counts it. */
  dropsEvent(): boolean {
    return this.#take('drop-events') !== undefined;
  }

  refusesSockets(): boolean {
    return this.#faults.some((fault) => fault.kind === 'refuse-sockets');
  }

  /** What becomes of pings: they are refused, get no answer, or are heard. */
  pings(): 'refused' | 'unanswered' | 'heard' {
    const fault = this.#faults.find(({ kind }) => kind === 'deaf-to-pings');
    if (fault?.kind !== 'deaf-to-pings') return 'heard';
    return fault.answers ? 'refused' : 'unanswered';
  }

  /** Waits as long as a delay says. */
  async delay(subject: FaultSubject): Promise<void> {
    for (const fault of this.#faults) {
      if (fault.kind !== 'delay' || !matches(fault, subject)) continue;
      await this.#clock.sleep(fault.ms, new AbortController().signal);
    }
  }

  /** Parks the request while a hold for this moment matches it. */
  async park(when: 'before' | 'after', subject: FaultSubject): Promise<void> {
    const isHeld = this.#faults.some(
      (fault) => fault.kind === 'hold' && fault.when === when && matches(fault, subject),
    );
    if (!isHeld) return;
    const parked = Promise.withResolvers<void>();
    this.#held.set({ method: subject.method, url: subject.url, when, at: this.#clock.now() }, parked.resolve);
    await parked.promise;
  }

  #take(kind: 'drop-events' | 'fail-next' | 'answer-lost', subject?: FaultSubject): Fault | undefined {
    for (const fault of this.#faults) {
      if (fault.kind !== kind || !('count' in fault)) continue;
      if (fault.kind !== 'drop-events' && (!subject || !matches(fault, subject))) continue;
      fault.count -= 1;
      if (fault.count <= 0) this.#faults = this.#faults.filter((other) => other !== fault);
      return fault;
    }
    return undefined;
  }
}

function matches(filter: RequestFilter, subject: FaultSubject): boolean {
  if (filter.method !== undefined && filter.method.toUpperCase() !== subject.method) return false;
  return filter.pathPattern === undefined || filter.pathPattern.test(subject.url);
}

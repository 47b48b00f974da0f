import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';

const counted = { count: z.int().positive().exactOptional(), every: z.int().positive().default(1) };
const aboutRequests = { method: z.string().toUpperCase().exactOptional(), path: z.string().exactOptional() };
const aboutEvents = { event: z.string().exactOptional() };

/**
 * What can be switched on. `count`: how often it strikes before it is over, without it until it is switched off;
 * `every`: 2 lets every second one strike. `path` is a regular expression on path and query.
 */
export const Fault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('delay'), ms: z.int(), ...counted, ...aboutRequests }),
  z.strictObject({
    kind: z.literal('fail'),
    status: z.literal([500, 502, 503]).default(502),
    ...counted,
    ...aboutRequests,
  }),
  z.strictObject({ kind: z.literal('answer-lost'), ...counted, ...aboutRequests }),
  z.strictObject({
    kind: z.literal('rate-limit'),
    status: z.literal([403, 429]).default(403),
    resetInS: z.int().default(60),
    ...counted,
    ...aboutRequests,
  }),
  z.strictObject({
    kind: z.literal('secondary-limit'),
    status: z.literal([403, 429]).default(403),
    retryAfterS: z.int().default(1),
    ...counted,
    ...aboutRequests,
  }),
  z.strictObject({ kind: z.literal('stale-read'), ...counted, ...aboutRequests }),
  z.strictObject({ kind: z.literal('hold'), when: z.literal(['before', 'after']), ...aboutRequests }),
  z.strictObject({
    kind: z.literal('webhook-drop'),
    recorded: z.boolean().default(true),
    ...counted,
    ...aboutEvents,
  }),
  z.strictObject({ kind: z.literal('webhook-delay'), ms: z.int(), ...counted, ...aboutEvents }),
  z.strictObject({ kind: z.literal('webhook-duplicate'), ...counted, ...aboutEvents }),
]);
export type Fault = z.infer<typeof Fault>;

type FaultOf<K extends Fault['kind']> = Extract<Fault, { kind: K }>;

/** What a fault may strike: a request, or an event on its way out. */
export type Subject =
  | { readonly method: string; readonly url: string }
  | { readonly event: string; readonly action: string | null };

interface Switched {
  readonly fault: Fault;
  seen: number;
  struck: number;
}

/** The switched-on faults and the requests they hold. */
export class FaultGate {
  readonly #clock: Clock;
  #switched: Switched[] = [];
  readonly #held = new Map<Subject, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(fault: Fault): void {
    this.#switched.push({ fault, seen: 0, struck: 0 });
  }

  list(): Fault[] {
    return this.#switched.map(({ fault }) => fault);
  }

  held(): Subject[] {
    return [...this.#held.keys()];
  }

  /** Switches every fault off and lets held requests go. */
  clear(): void {
    this.#switched = [];
    this.release();
  }

  /** Ends all holds; the requests they parked go on. Says how many. */
  release(): number {
    this.#switched = this.#switched.filter(({ fault }) => fault.kind !== 'hold');
    const parked = [...this.#held.values()];
    this.#held.clear();
    for (const resume of parked) resume();
    return parked.length;
  }

  /** The fault of this kind that strikes the subject; counts it. */
  take<K extends Exclude<Fault['kind'], 'hold'>>(kind: K, subject: Subject): FaultOf<K> | undefined {
    for (const each of this.#switched) {
      const { fault } = each;
      if (fault.kind === 'hold' || fault.kind !== kind || !matches(fault, subject)) continue;
      each.seen += 1;
      if (each.seen % fault.every !== 0) continue;
      each.struck += 1;
      if (fault.count !== undefined && each.struck >= fault.count) {
        this.#switched = this.#switched.filter((other) => other !== each);
      }
      return fault as FaultOf<K>;
    }
    return undefined;
  }

  /** Waits as long as a delay of this kind says. */
  async delay(kind: 'delay' | 'webhook-delay', subject: Subject, signal: AbortSignal): Promise<void> {
    const fault = this.take(kind, subject);
    if (fault) await this.#clock.sleep(fault.ms, signal);
  }

  /** Parks the request while a hold for this moment matches it. */
  async park(when: 'before' | 'after', subject: Subject): Promise<void> {
    const isHeld = this.#switched.some(
      ({ fault }) => fault.kind === 'hold' && fault.when === when && matches(fault, subject),
    );
    if (!isHeld) return;
    const parked = Promise.withResolvers<void>();
    this.#held.set({ ...subject }, parked.resolve);
    await parked.promise;
  }
}

function matches(fault: Fault, subject: Subject): boolean {
  if ('event' in subject) {
    const name = 'event' in fault ? fault.event : undefined;
    return name === undefined || name === subject.event || name === `${subject.event}.${subject.action}`;
  }
  if ('method' in fault && fault.method !== undefined && fault.method !== subject.method) return false;
  const pattern = 'path' in fault ? fault.path : undefined;
  return pattern === undefined || new RegExp(pattern).test(subject.url);
}

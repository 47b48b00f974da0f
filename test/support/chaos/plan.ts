import { Random } from './random.ts';

/** What can be done to a fleet, each in words. */
export const faultKinds = {
  'kill-control': 'SIGKILL of control',
  'kill-daemon': 'SIGKILL of a daemon',
  'kill-nats': 'SIGKILL of nats-server',
  'kill-all': 'SIGKILL of nats-server, control and all daemons at once',
  'stop-nats': 'SIGSTOP of nats-server, then SIGCONT',
  'stop-control': 'SIGSTOP of control, then SIGCONT',
  'stop-daemon': 'SIGSTOP of a daemon, then SIGCONT',
  'cut-control': 'no way from control to nats-server',
  'cut-daemon': 'no way from a daemon to nats-server',
  'half-open-control': 'control is heard by nats-server and hears nothing',
  'half-open-daemon': 'a daemon is heard by nats-server and hears nothing',
  'kill-cut-control': 'SIGKILL of control while it is cut off, with what it could not send',
  'kill-cut-daemon': 'SIGKILL of a daemon while it is cut off, with what it could not send',
  'full-disk-control': 'the disk of control is full',
  'full-disk-daemon': 'the disk of a daemon is full',
  'clock-control': 'the clock of control jumps, and back',
  'clock-daemon': 'the clock of a daemon jumps, and back',
  'late-dispatch': 'the dispatch of a run that is over comes again, and the harness has forgotten the run',
  'late-result': 'the result of a run comes again',
  'late-event': 'an event of a run that is over comes again',
  'stale-epoch': 'an agent brings the result of a run that was given up and released anew',
} as const satisfies Record<string, string>;

export type FaultKind = keyof typeof faultKinds;

export const allFaultKinds = Object.keys(faultKinds) as FaultKind[];

export interface Fault {
  readonly kind: FaultKind;
  /** Which of the agents it hits, where it hits one: counted from 0. */
  readonly agent: number;
  /** How long it lasts. */
  readonly holdMs: number;
  /** How long until the next. */
  readonly thenMs: number;
  /** How far a clock jumps. */
  readonly jumpSeconds: number;
  /** For choices that are made when it happens. */
  readonly dice: number;
}

/** After the first round some last longer than any message waits for its acknowledgement. */
const LONG_SHARE = 0.06;
const LONG_TIMES = 25;

/**
 * Faults without an end: round after round of `kinds`, each round in another order unless `inOrder` says in theirs. It
 * follows from the seed alone.
 */
export function* planOf(
  seed: number,
  given: { readonly kinds: readonly FaultKind[]; readonly agents: number; readonly inOrder?: boolean },
): Generator<Fault, never> {
  const { kinds, agents, inOrder = false } = given;
  const random = new Random(seed);
  for (let round = 0; ; round++) {
    for (const kind of inOrder ? kinds : random.shuffled(kinds)) {
      const isLong = random.next() < LONG_SHARE && round > 0;
      yield {
        kind,
        agent: random.whole(0, agents),
        holdMs: random.whole(300, 1500) * (isLong ? LONG_TIMES : 1),
        thenMs: random.whole(50, 600),
        jumpSeconds: random.pick([-1, 1]) * random.whole(8, 25),
        dice: random.whole(0, 1_000_000),
      };
    }
  }
}

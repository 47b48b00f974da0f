import type { Clock } from '#lib/clock.ts';
import type { Publisher } from './events.ts';
import type { FaultGate } from './faults.ts';
import type { Store } from './store.ts';

/** What every action and route works with. */
export interface World {
  readonly clock: Clock;
  readonly store: Store;
  readonly events: Publisher;
  readonly faults: FaultGate;
  /** Makes the sockets of a user, or of one token, deaf for good (facts §0.5). */
  readonly deafen: (who: { userId: string } | { token: string }) => void;
}

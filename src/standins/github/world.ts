import type { MovableClock } from './clock.ts';
import type { Events } from './events.ts';
import type { FaultGate } from './faults.ts';
import type { BareRepos } from './git/bare-repos.ts';
import type { State } from './state.ts';

/** What the routes work on. */
export interface World {
  readonly clock: MovableClock;
  readonly state: State;
  readonly repos: BareRepos;
  readonly faults: FaultGate;
  readonly events: Events;
  /** Where the API is, as it is written into answers: `http://127.0.0.1:40001/api/v3`. */
  readonly apiUrl: string;
  /** Where people and git look: `http://127.0.0.1:40001`. */
  readonly htmlUrl: string;
}

import { isTerminal } from '#core/task-states.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';

/** What becomes of a task that comes after others. */
export type Verdict =
  | { readonly kind: 'wait' }
  | { readonly kind: 'queue' }
  | { readonly kind: 'fail'; readonly because: TaskRecord };

/** Decides by how the tasks stand that it comes after, of each the latest try. */
export function verdictOf(wait: Pick<Wait, 'whenItFails'>, needed: readonly TaskRecord[]): Verdict {
  const because = needed.find(({ state }) => isTerminal(state) && state !== 'completed');
  if (because && wait.whenItFails === 'fail') return { kind: 'fail', because };
  return needed.every(({ state }) => isTerminal(state)) ? { kind: 'queue' } : { kind: 'wait' };
}

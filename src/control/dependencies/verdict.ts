import { isTerminal } from '#core/task-states.ts';
import type { Wait } from '../store/dependency-repository.ts';
import type { TaskRecord } from '../store/records.ts';

/** What becomes of a task that comes after others. */
export type Verdict =
  | { readonly kind: 'wait' }
  | { readonly kind: 'queue' }
  | { readonly kind: 'fail'; readonly because: TaskRecord };

/** Decides by how the tasks stand that it comes after, of each the latest try, and by the time. */
export function verdictOf(
  { whenItFails, enough, until }: Pick<Wait, 'whenItFails' | 'enough' | 'until'>,
  needed: readonly TaskRecord[],
  now: number,
): Verdict {
  const because = needed.find(({ state }) => isTerminal(state) && state !== 'completed');
  if (because && whenItFails === 'fail') return { kind: 'fail', because };
  const completed = needed.filter(({ state }) => state === 'completed').length;
  const over =
    needed.every(({ state }) => isTerminal(state)) ||
    (enough !== undefined && completed >= enough) ||
    (until !== undefined && now >= until);
  return { kind: over ? 'queue' : 'wait' };
}

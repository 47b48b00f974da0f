import { isTerminal, type TaskState } from '#core/task-states.ts';
import type { Style } from './output.ts';

/** The colour of a state: green is done, red ended otherwise, yellow goes on. */
export function stateStyle(state: TaskState): Style {
  if (state === 'completed') return 'green';
  return isTerminal(state) || state === 'lost' ? 'red' : 'yellow';
}

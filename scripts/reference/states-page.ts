import { approvalStates, approvalTransitions } from '../../src/core/approval-states.ts';
import { runStates, runTransitions } from '../../src/core/run-states.ts';
import { isTerminal, publicState, taskStates, taskTransitions } from '../../src/core/task-states.ts';
import { code, page, table } from './markdown.ts';

/** The state machines of tasks, runs and approvals. */
export function renderStates(): string {
  return page(
    'States',
    ['src/core/task-states.ts', 'src/core/run-states.ts', 'src/core/approval-states.ts'],
    [
      `## Tasks

Kept by the control plane. An event that is not in the row of a state is refused with \`state_conflict\`. "Shown as" is the word
for outsiders; "ends" means that nothing more happens by itself.`,
      table(
        ['state', 'shown as', 'ends', 'event → next state'],
        taskStates.map((state) => [
          code(state),
          publicState(state),
          isTerminal(state) ? 'yes' : '',
          steps(taskTransitions[state]),
        ]),
      ),
      `## Runs

Kept in the journal of the agent that has taken the run; each state is written before the call that it announces.`,
      table(
        ['state', 'ends', 'event → next state'],
        runStates.map((state) => [
          code(state),
          Object.keys(runTransitions[state]).length === 0 ? 'yes' : '',
          steps(runTransitions[state]),
        ]),
      ),
      `## Approvals and questions

Kept by the control plane. The first decision holds; what is expired counts as denied.`,
      table(
        ['state', 'ends', 'event → next state'],
        approvalStates.map((state) => [
          code(state),
          Object.keys(approvalTransitions[state]).length === 0 ? 'yes' : '',
          steps(approvalTransitions[state]),
        ]),
      ),
    ],
  );
}

function steps(row: Readonly<Record<string, string>>): string {
  return Object.entries(row)
    .map(([event, next]) => `${event} → ${code(next)}`)
    .join(', ');
}

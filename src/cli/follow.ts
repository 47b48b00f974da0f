import type { AuditView, TaskDetail } from '#core/api.ts';
import { isTerminal, type TaskState } from '#core/task-states.ts';
import type { ApiClient } from './api-client.ts';
import { exitCodes } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { harmless, localTime } from './format.ts';
import { stateStyle } from './task-style.ts';

/** Prints what happens to a task until it ends, and its answer; the command fails when it was not completed. */
export async function followTask(
  api: ApiClient,
  given: TaskDetail,
  json: boolean | undefined,
  context: CliContext,
): Promise<void> {
  const { out } = context;
  let task = given;
  // What ended before changes were on record has nothing to show.
  if (task.history.length > 0) {
    let seen = 0;
    for await (const change of api.follow(task.id)) {
      if (change.seq <= seen)
        out.note(
          'The control plane has an older store than before; what it knows of the task, from its beginning:',
        );
      seen = change.seq;
      if (json) out.print(JSON.stringify(change));
      else print(change, context);
      if (!isTerminal(change.state as TaskState)) continue;
      // An end of long ago is not one when somebody had it tried again.
      task = (await api.task(task.id)) ?? task;
      if (task.state === change.state) break;
    }
  }
  if (task.state !== 'completed') context.exitWith(exitCodes.failed);
  if (!json && task.answer !== undefined) out.print(`\n${harmless(task.answer)}`);
}

function print({ at, who, what, state, why }: AuditView, { out }: CliContext): void {
  const reason = why ? `: ${harmless(why)}` : '';
  const styled = out.style(stateStyle(state as TaskState), state);
  out.print(
    `${localTime(at)}  ${what.padEnd(9)}→ ${styled}  ${out.style('dim', `${harmless(who)}${reason}`)}`,
  );
}

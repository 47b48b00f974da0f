import type { Command } from 'commander';
import type { AuditView } from '#core/api.ts';
import { isTerminal, type TaskState } from '#core/task-states.ts';
import { ApiClient } from '../api-client.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { harmless, localTime } from '../format.ts';
import { findTask } from '../task-id.ts';
import { stateStyle } from '../task-style.ts';

/** `olympus task follow <id>`: what happens to a task as it happens, and its answer. */
export function addTaskFollow(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('follow')
    .description('watch a task until it ends, and print its answer')
    .argument('<id>', 'its id, or at least the first 8 characters where those are unique')
    .option('--json', 'print one JSON value a line')
    .addHelpText('after', '\nExit code: 0 when it was completed, 1 when it ended otherwise.')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const api = new ApiClient(context);
      let task = await findTask(api, id);
      // What ended before changes were on record has nothing to show.
      if (task.history.length > 0) {
        for await (const change of api.follow(task.id)) {
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
    });
}

function print({ at, who, what, state, why }: AuditView, { out }: CliContext): void {
  const reason = why ? `: ${harmless(why)}` : '';
  const styled = out.style(stateStyle(state as TaskState), state);
  out.print(
    `${localTime(at)}  ${what.padEnd(9)}→ ${styled}  ${out.style('dim', `${harmless(who)}${reason}`)}`,
  );
}

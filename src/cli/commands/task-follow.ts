import type { Command } from 'commander';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { followTask } from '../follow.ts';
import { findTask } from '../task-id.ts';

/** `olympus task follow <id>`: what happens to a task as it happens, and its answer. */
export function addTaskFollow(parent: Command, context: CliContext): void {
  parent
    .command('follow')
    .description('watch a task until it ends, and print its answer')
    .argument('<id>', 'its id, or at least the first 8 characters where those are unique')
    .option('--json', 'print one JSON value a line')
    .addHelpText('after', '\nExit code: 0 when it was completed, 1 when it ended otherwise.')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const api = new ApiClient(context);
      await followTask(api, await findTask(api, id), json, context);
    });
}

import type { Command } from 'commander';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';
import { refuseRejected } from '../refused.ts';
import { personOf } from '../settings.ts';
import { findTask } from '../task-id.ts';

const ID = 'its id, or at least the first 8 characters where those are unique';

/** `olympus task cancel|retry|why`: a person's say in the work. */
export function addTaskDecisions(parent: Command, context: CliContext): void {
  addCancel(parent, context);
  addRetry(parent, context);
  addWhy(parent, context);
}

function addCancel(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('cancel')
    .description('have a task end; an agent that is at work on it is stopped')
    .argument('<id>', ID)
    .option('--why <text>', 'what the person who asked is told')
    .option('--json', 'print one JSON value')
    .action(async (id: string, { why, json }: { why?: string; json?: boolean }) => {
      const api = new ApiClient(context);
      const { id: taskId } = await findTask(api, id);
      const task = await api.cancelTask(taskId, { by: personOf(context.settings), ...(why ? { why } : {}) });
      if (json) out.json(task);
      else if (task.state === 'cancelled') out.note(`Cancelled: task ${task.id}.`);
      else out.note(`Task ${task.id} ends as soon as ${task.agent} has stopped.`);
    });
}

function addRetry(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('retry')
    .description('try a task again that has failed, expired or was cancelled')
    .argument('<id>', ID)
    .option('--why <text>', 'what the record says')
    .option('--json', 'print one JSON value')
    .action(async (id: string, { why, json }: { why?: string; json?: boolean }) => {
      const api = new ApiClient(context);
      const { id: taskId } = await findTask(api, id);
      const task = await api.retryTask(taskId, { by: personOf(context.settings), ...(why ? { why } : {}) });
      refuseRejected(task);
      if (json) out.json(task);
      else
        out.note(task.id === taskId ? `Queued again: task ${task.id}.` : `Asked again as task ${task.id}.`);
    });
}

function addWhy(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('why')
    .description('why a task is where it is, whose turn it is, and what happens next')
    .argument('<id>', ID)
    .option('--json', 'print one JSON value')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const api = new ApiClient(context);
      const why = await api.taskWhy((await findTask(api, id)).id);
      if (json) return out.json(why);
      out.print(`${out.style('bold', why.state)}: ${harmless(why.reason)}`);
      out.print(`  turn    ${why.owner}`);
      out.print(`  next    ${harmless(why.next)}`);
    });
}

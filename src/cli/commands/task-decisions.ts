import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEBOUNCE_WINDOW_LIMIT_MS } from '#core/debounce.ts';
import { WhenItFails } from '#core/dependencies.ts';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';
import { refuseRejected } from '../refused.ts';
import { personOf } from '../settings.ts';
import { findTask } from '../task-id.ts';

const PRIORITIES = ['P0', 'P1', 'P2', 'P3'];

interface CreateOptions {
  readonly key?: string;
  readonly priority: string;
  readonly after: readonly string[];
  readonly whenItFails?: WhenItFails;
  readonly debounce?: string;
  readonly window: number;
  readonly json?: boolean;
}

const ID = 'its id, or at least the first 8 characters where those are unique';

/** `olympus task create|cancel|retry|why`: a person's say in the work. */
export function addTaskDecisions(parent: Command, context: CliContext): void {
  addCreate(parent, context);
  addCancel(parent, context);
  addRetry(parent, context);
  addWhy(parent, context);
}

function addCreate(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('create')
    .description('ask an agent for something, without a conversation')
    .argument('<agent>', 'who is to do it')
    .argument('<text>', 'what it is')
    .option('--key <key>', 'asked twice with the same key it is one task')
    .addOption(
      new Option('--priority <priority>', 'P0 before everything else, P3 when there is nothing else to do')
        .choices(PRIORITIES)
        .default('P2'),
    )
    .option('--after <id>', 'release it once this task is completed; may be given again', collect, [])
    .addOption(
      new Option(
        '--when-it-fails <what>',
        'what happens when one of those is not completed: this one fails too, or is done all the same',
      )
        .choices(WhenItFails.options)
        .default('fail'),
    )
    .option(
      '--debounce <key>',
      'wait for later requests of the same key: there is one task, with the last text',
    )
    .option('--window <seconds>', 'how long to wait for each, with --debounce; at most 3600', parseWindow, 30)
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Examples:
  $ olympus task create athena "summarise the last release"
  $ olympus task create athena "announce it" --after 019a2f3c-5d1e`,
    )
    .action(async (agent: string, text: string, options: CreateOptions) => {
      const { key, priority, whenItFails, debounce, window, json } = options;
      const name = agent.replace(/^@/, '');
      const api = new ApiClient(context);
      const after = await Promise.all(options.after.map(async (id) => (await findTask(api, id)).id));
      const asked = {
        agent: name,
        text,
        priority: PRIORITIES.indexOf(priority),
        by: personOf(context.settings),
        ...(key ? { dedupKey: key } : {}),
        ...(after.length > 0 ? { after, whenItFails } : {}),
        ...(debounce ? { debounce: { key: debounce, windowMs: Math.round(window * 1000) } } : {}),
      };
      const task = await api.createTask(asked);
      refuseRejected(task);
      if (json) out.json(task);
      else {
        out.print(task.id);
        const how = task.state === 'blocked' ? 'Waits for what comes before it' : `Queued for ${name}`;
        out.note(`${how}. Watch it with: olympus task follow ${task.id}`);
      }
    });
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
    .option('--json', 'print one JSON value')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const api = new ApiClient(context);
      const { id: taskId } = await findTask(api, id);
      const task = await api.retryTask(taskId, { by: personOf(context.settings) });
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

function parseWindow(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.001 && seconds * 1000 <= DEBOUNCE_WINDOW_LIMIT_MS) return seconds;
  throw new InvalidArgumentError(`Write a number of seconds up to ${DEBOUNCE_WINDOW_LIMIT_MS / 1000}.`);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TaskView } from '#core/api.ts';
import { type TaskState, taskStates } from '#core/task-states.ts';
import { ApiClient, TASK_LIMIT } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { age, table } from '../format.ts';
import { shortIds } from '../id-prefix.ts';
import { findTask } from '../task-id.ts';
import { stateStyle } from '../task-style.ts';

interface Options {
  readonly agent?: string;
  readonly state?: TaskState;
  readonly before?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** `olympus task list`: the newest tasks, one a line. */
export function addTaskList(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('list')
    .description('list tasks, newest first')
    .option('--agent <name>', 'only those of this agent')
    .addOption(new Option('--state <state>', 'only those in this state').choices(taskStates))
    .addOption(
      new Option('--limit <number>', `at most this many, up to ${TASK_LIMIT}`)
        .default(20)
        .argParser(parseLimit),
    )
    .option('--before <id>', 'only those older than this one: the last of a list leads to the next')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Examples:
  $ olympus task list --agent athena --state failed
  $ olympus task list --limit 100 --json | jq -r '.[].id'`,
    )
    .action(async ({ json, ...options }: Options) => {
      const api = new ApiClient(context);
      const filter = {
        ...options,
        ...(options.agent ? { agent: options.agent.replace(/^@/, '') } : {}),
        ...(options.before ? { before: (await findTask(api, options.before)).id } : {}),
      };
      const tasks = await api.tasks(filter);
      if (json) out.json(tasks);
      else if (tasks.length > 0) print(tasks, context);
      else out.note(emptySentence(filter));
    });
}

function print(tasks: readonly TaskView[], { out, clock }: CliContext): void {
  const ids = shortIds(tasks.map((task) => task.id));
  const known = new Map(tasks.map((task, index) => [task.id, ids[index]]));
  const madeFor = (parent: string): string => `(for ${known.get(parent) ?? shortIds([parent])[0]}) `;
  const now = clock.now();
  const [heading = '', ...lines] = table(
    ['ID', 'STATE', 'AGENT', 'AGE', 'BY', 'TEXT'],
    tasks.map((task, index) => [
      ids[index] ?? task.id,
      task.state,
      task.agent,
      age(now - Date.parse(task.createdAt)),
      task.requester,
      `${task.parent ? madeFor(task.parent) : ''}${task.text}`,
    ]),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const [index, line] of lines.entries()) {
    const state = tasks[index]?.state ?? 'completed';
    out.print(line.replace(` ${state} `, ` ${out.style(stateStyle(state), state)} `));
  }
}

function emptySentence({ agent, state, before }: Partial<Options>): string {
  const which = [
    state ? ` in state ${state}` : '',
    agent ? ` of ${agent}` : '',
    before ? ` before ${before}` : '',
  ].join('');
  const hint = agent ? ' `olympus agent list` shows the agents.' : '';
  return `There are no tasks${which}.${hint}`;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= TASK_LIMIT) return limit;
  throw new InvalidArgumentError(`Write a whole number from 1 to ${TASK_LIMIT}.`);
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEBOUNCE_WINDOW_LIMIT_MS } from '#core/debounce.ts';
import { WhenItFails } from '#core/dependencies.ts';
import { INPUT_LIMIT } from '#core/messages/task-create.ts';
import { ApiClient } from '../api-client.ts';
import { collect } from '../collect.ts';
import type { CliContext } from '../context.ts';
import { followTask } from '../follow.ts';
import { refuseRejected } from '../refused.ts';
import { readMessage } from '../say/message.ts';
import { personOf } from '../settings.ts';
import { findTask } from '../task-id.ts';

/** Of a text as JSON: a request may have 64 KiB with all that is around it. */
const REQUEST_BYTES = 60_000;
const PRIORITIES = ['P0', 'P1', 'P2', 'P3'];

interface CreateOptions {
  readonly key?: string;
  readonly priority: string;
  readonly after: readonly string[];
  readonly whenItFails?: WhenItFails;
  readonly debounce?: string;
  readonly window: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** `olympus task create <agent> <text>`: asks an agent for something, without a conversation. */
export function addTaskCreate(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('create')
    .description('ask an agent for something, without a conversation')
    .argument('<agent>', 'who is to do it')
    .argument('<text>', 'what it is; - reads standard input')
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
    .option('--follow', 'watch it until it ends, and print its answer')
    .option('--json', 'print one JSON value; with --follow one a line')
    .addHelpText(
      'after',
      `
A long text, up to 8 MiB, is kept as an artifact for 30 days; its agent is given all of it.

Exit code: 0 when it was taken in, with --follow when it was completed; 1 otherwise.

Examples:
  $ olympus task create athena "summarise the last release"
  $ olympus task create athena "announce it" --after 019a2f3c-5d1e
  $ git diff | (echo "review this:"; cat) | olympus task create athena - --follow`,
    )
    .action(async (agent: string, words: string, options: CreateOptions) => {
      const { key, priority, whenItFails, debounce, window, follow, json } = options;
      const text = await readMessage([words], context);
      const name = agent.replace(/^@/, '');
      const api = new ApiClient(context);
      const after = await Promise.all(options.after.map(async (id) => (await findTask(api, id)).id));
      const by = personOf(context.settings);
      const asked = {
        agent: name,
        ...(fits(text) ? { text } : { textArtifact: (await api.keepText(text, by)).digest }),
        priority: PRIORITIES.indexOf(priority),
        by,
        ...(key ? { dedupKey: key } : {}),
        ...(after.length > 0 ? { after, whenItFails } : {}),
        ...(debounce ? { debounce: { key: debounce, windowMs: Math.round(window * 1000) } } : {}),
      };
      const task = await api.createTask(asked);
      refuseRejected(task);
      if (follow) {
        out.note(`Task ${task.id}. It goes on when this command is ended.`);
        return followTask(api, await findTask(api, task.id), json, context);
      }
      if (json) out.json(task);
      else {
        out.print(task.id);
        const how = task.state === 'blocked' ? 'Waits for what comes before it' : `Queued for ${name}`;
        out.note(`${how}. Watch it with: olympus task follow ${task.id}`);
      }
    });
}

/** Whether a text goes into a request as it is, and into the message that brings the task to its agent. */
function fits(text: string): boolean {
  return Array.from(text).length <= INPUT_LIMIT && Buffer.byteLength(JSON.stringify(text)) <= REQUEST_BYTES;
}

function parseWindow(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.001 && seconds * 1000 <= DEBOUNCE_WINDOW_LIMIT_MS) return seconds;
  throw new InvalidArgumentError(`Write a number of seconds up to ${DEBOUNCE_WINDOW_LIMIT_MS / 1000}.`);
}

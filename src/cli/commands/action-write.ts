import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { messageOf } from '#core/errors.ts';
import { askPeople, EXIT_CODES } from '../ask-people.ts';
import { usageError } from '../cli-error.ts';
import { collect } from '../collect.ts';
import type { CliContext } from '../context.ts';

interface Common {
  readonly task: string;
  readonly repo: string;
  readonly why: string;
  readonly json?: boolean;
}

/** `olympus action issue-create|comment-upsert|label-set`: what the daemon writes to GitHub for the agent, once it may. */
export function addActionWrites(parent: Command, context: CliContext): void {
  const write = async ({ task, why, json }: Common, wanted: object): Promise<void> =>
    askPeople({ ask: 'write', task, write: wanted, summary: why }, context, { json });

  common(parent, 'issue-create', 'open an issue on GitHub')
    .requiredOption('--title <text>', 'its title')
    .requiredOption('--body-file <path>', 'what it says, as Markdown; - for standard input')
    .option('--label <name>', 'a label of it; give it once for each', collect)
    .action(async (given: Common & { title: string; bodyFile: string; label?: string[] }) => {
      const { repo, title, label: labels = [] } = given;
      await write(given, { kind: 'issue-create', repo, title, body: await bodyIn(given.bodyFile), labels });
    });
  common(
    parent,
    'comment-upsert',
    'comment on an issue or pull request, or write an earlier comment of yours anew',
  )
    .requiredOption('--number <n>', 'its number', Number)
    .requiredOption('--body-file <path>', 'what to say, as Markdown; - for standard input')
    .option('--slot <name>', 'a name for this comment: written again under the same one, it is replaced')
    .action(async (given: Common & { number: number; bodyFile: string; slot?: string }) => {
      const { repo, number, slot } = given;
      const body = await bodyIn(given.bodyFile);
      await write(given, { kind: 'comment-upsert', repo, number, body, ...(slot ? { slot } : {}) });
    });
  common(parent, 'pr-open', 'open a pull request of a branch that you have pushed, or write yours anew')
    .requiredOption('--slug <name>', 'what you called the branch when you pushed it')
    .requiredOption('--title <text>', 'its title')
    .requiredOption(
      '--body-file <path>',
      'what was asked, done and tested, as Markdown; - for standard input',
    )
    .option('--base <branch>', 'into which branch it is to go; otherwise the default one')
    .action(async (given: Common & { slug: string; title: string; bodyFile: string; base?: string }) => {
      const { repo, slug, title, base } = given;
      const body = await bodyIn(given.bodyFile);
      await write(given, { kind: 'pr-open', repo, slug, title, body, ...(base ? { base } : {}) });
    });
  common(parent, 'label-set', 'give an issue or pull request labels, or take them off')
    .requiredOption('--number <n>', 'its number', Number)
    .option('--add <label>', 'one to give it; give it once for each', collect)
    .option('--remove <label>', 'one to take off; give it once for each', collect)
    .action(async (given: Common & { number: number; add?: string[]; remove?: string[] }) => {
      const { repo, number, add = [], remove = [] } = given;
      if (add.length + remove.length === 0) {
        throw usageError('There is nothing to change.', 'Give --add or --remove.');
      }
      await write(given, { kind: 'label-set', repo, number, add, remove });
    });
}

function common(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .requiredOption('--task <id>', 'the task this is for')
    .requiredOption('--repo <owner/name>', 'in which repository')
    .requiredOption('--why <text>', 'what it is for, for the person who may have to approve it')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `\nThe daemon does it as you; it is done once, however often you run this.\n${EXIT_CODES}`,
    );
}

async function bodyIn(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`${path} cannot be read: ${messageOf(error)}.`, 'Give a file, or - for standard input.');
  }
}

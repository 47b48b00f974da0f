import { access, constants, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { messageOf } from '#core/errors.ts';
import { askDaemon } from '../action-call.ts';
import { askPeople, EXIT_CODES } from '../ask-people.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';
import { actionSocket } from '../settings.ts';

/** `olympus action repo-get|branch-push`: how the code of a repository comes to an agent, and its commits go out. */
export function addActionCode(parent: Command, context: CliContext): void {
  parent
    .command('repo-get')
    .description('get a repository at GitHub as a file that git clones')
    .requiredOption('--task <id>', 'the task this is for')
    .requiredOption('--repo <owner/name>', 'which repository')
    .requiredOption('--out <path>', 'write it there, over what there is')
    .action(async ({ task, repo, out: path }: { task: string; repo: string; out: string }) => {
      const call = { ...context, receive: path };
      const reply = await askDaemon(actionSocket(context.settings), { ask: 'clone', task, repo }, call);
      if (reply.kind !== 'bundle') {
        const why =
          reply.kind === 'refused' ? harmless(reply.sentence) : 'the daemon answered something else';
        throw new CliError(`${repo} cannot be had: ${why}.`, 'See --help.');
      }
      context.out.note(`${reply.size} bytes written to ${path}. Go on with:`);
      context.out.print(`git clone ${path} <folder>`);
      context.out.print(`git -C <folder> config user.name ${reply.name}`);
      context.out.print(`git -C <folder> config user.email '${reply.email}'`);
    });

  parent
    .command('branch-push')
    .description('have commits of yours pushed to GitHub, as a branch agent/<you>/<slug>')
    .requiredOption('--task <id>', 'the task this is for')
    .requiredOption('--repo <owner/name>', 'to which repository')
    .requiredOption('--slug <name>', 'what to call the branch, such as 12-fix-login')
    .requiredOption('--bundle <path>', 'the commits, made with: git bundle create <path> <base>..<branch>')
    .requiredOption('--why <text>', 'what it is for, for the person who may have to approve it')
    .option('--json', 'print one JSON value')
    .addHelpText('after', EXIT_CODES)
    .action(async (given: PushGiven) => {
      const { task, repo, slug, bundle: send, why: summary, json } = given;
      const size = await sizeOf(send);
      await askPeople({ ask: 'push', task, repo, slug, summary, size }, context, { json, send });
    });
}

interface PushGiven {
  readonly task: string;
  readonly repo: string;
  readonly slug: string;
  readonly bundle: string;
  readonly why: string;
  readonly json?: boolean;
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is no file');
    await access(path, constants.R_OK);
    return found.size;
  } catch (error) {
    throw usageError(
      `${path} cannot be read: ${messageOf(error)}.`,
      'Make it with git bundle create <path> <base>..<branch>.',
    );
  }
}

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { messageOf } from '#core/errors.ts';
import { askDaemon } from '../action-call.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';
import { actionSocket } from '../settings.ts';

/** `olympus action file <digest>`: how an agent, on its own machine, reads what came with a message. */
export function addActionFile(parent: Command, context: CliContext): void {
  parent
    .command('file')
    .description('write a file down that came with what the agent is asked')
    .argument('<digest>', 'its digest, as the task says it: sha256:…')
    .requiredOption('--out <path>', 'write it there, byte for byte, over what there is')
    .action(async (digest: string, { out: path }: { out: string }) => {
      const reply = await askDaemon(actionSocket(context.settings), { ask: 'file', digest }, context);
      if (reply.kind !== 'file') {
        const why =
          reply.kind === 'refused' ? harmless(reply.sentence) : 'the daemon answered something else';
        throw new CliError(`The file cannot be had: ${why}.`, 'Files are kept for 30 days.');
      }
      const bytes = Buffer.from(reply.content, 'base64');
      if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) {
        throw new CliError('What arrived is not the file that was asked for.', 'Ask again.');
      }
      try {
        await writeFile(path, bytes);
      } catch (error) {
        throw new CliError(`${path} cannot be written: ${messageOf(error)}.`, 'Give another file.');
      }
      context.out.note(`${bytes.length} bytes written to ${path}.`);
    });
}

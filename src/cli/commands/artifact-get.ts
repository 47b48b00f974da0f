import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { ArtifactDigest } from '#core/artifact.ts';
import { messageOf } from '#core/errors.ts';
import { ApiClient } from '../api-client.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';

/** `olympus artifact get <digest>`: the whole of what was too long to be shown. */
export function addArtifactGet(parent: Command, context: CliContext): void {
  parent
    .command('get')
    .description('print an artifact, such as the whole of a long answer, or write it into a file')
    .argument('<digest>', 'its digest, as `olympus task show` says it: sha256:…')
    .option('--out <file>', 'write it there, byte for byte, over what there is')
    .addHelpText(
      'after',
      `
Artifacts are kept for 30 days.

Examples:
  $ olympus artifact get sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
  $ olympus artifact get sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae --out answer.md`,
    )
    .action(async (given: string, { out: file }: { out?: string }) => {
      const digest = ArtifactDigest.safeParse(given);
      if (!digest.success) {
        throw usageError(`${given} is not a digest.`, 'It is sha256: and 64 hexadecimal digits.');
      }
      const bytes = await new ApiClient(context).artifact(digest.data);
      if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest.data) {
        throw new CliError('What arrived is not the artifact that was asked for.', 'Ask again.');
      }
      if (file === undefined) context.out.print(harmless(textOf(bytes)));
      else await write(file, bytes, context);
    });
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageError('This artifact is not text.', 'Have it written into a file: --out <file>');
  }
}

async function write(file: string, bytes: Uint8Array, { out }: CliContext): Promise<void> {
  try {
    await writeFile(file, bytes);
  } catch (error) {
    throw new CliError(`${file} cannot be written: ${messageOf(error)}.`, 'Give another file.');
  }
  out.note(`${bytes.length} bytes written to ${file}.`);
}

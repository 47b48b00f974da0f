import { createInterface } from 'node:readline/promises';
import { CliError, usageError } from './cli-error.ts';
import type { CliContext } from './context.ts';

/** Has the person type a word before something is destroyed; `yes` has said it already. */
export async function confirm(
  context: CliContext,
  options: { readonly what: string; readonly word: string; readonly yes: boolean },
): Promise<void> {
  const { what, word, yes } = options;
  if (yes) return;
  if (!context.stdin.isTTY) {
    throw usageError(`${what} Nobody can be asked here.`, 'Repeat the command with --yes.');
  }
  const prompt = createInterface({ input: context.stdin, output: process.stderr });
  try {
    const typed = await prompt.question(`${what} Type ${word} to go on: `, { signal: context.signal });
    if (typed.trim() === word) return;
  } finally {
    prompt.close();
  }
  throw new CliError('Nothing was done.', `Type exactly ${word}, or repeat the command with --yes.`);
}

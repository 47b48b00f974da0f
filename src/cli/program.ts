import { Command, CommanderError } from 'commander';
import { Interrupted } from '#lib/lifecycle-interrupt.ts';
import { CliError, exitCodes } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { addFamily, FAMILIES } from './families.ts';
import type { Output } from './output.ts';

/** Runs one call of the command and resolves with its exit code; what went wrong has been said by then. */
export async function runProgram(
  args: readonly string[],
  given: Omit<CliContext, 'exitWith'>,
): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const context: CliContext = {
    ...given,
    exitWith: (code) => {
      exitCode = code;
    },
  };
  try {
    const program = await createProgram(context, args);
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

async function createProgram(context: CliContext, args: readonly string[]): Promise<Command> {
  const program = new Command('olympus')
    .description('A team of AI virtual employees: ask them, watch them, and see what is wrong.')
    .version(context.version, '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.out.print(text.trimEnd()),
      writeErr: (text) => context.out.note(text.trimEnd()),
      outputError: (text) =>
        complain(context.out, `${sentenceOf(text)} See ${commandPath(program, args)} --help.`),
    })
    .addHelpText(
      'after',
      `
Examples:
  $ olympus status
  $ olympus say "@athena hello"
  $ olympus doctor

Settings come from the environment, .env in the working directory, then ${context.settings.stateDir}/.env.`,
    );
  // What a call does not ask for is not loaded: that takes longer than most calls.
  const asked = FAMILIES.filter(({ words }) => words.includes(args[0] ?? ''));
  for (const family of asked.length > 0 ? asked : FAMILIES) await addFamily(program, family, context);
  return program;
}

function explain(error: unknown, { out, signal }: CliContext): number {
  if (signal.aborted && signal.reason instanceof Interrupted) return signal.reason.exitCode;
  // Commander has printed its sentence, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CliError) {
    complain(out, `${error.message} ${error.remedy}`);
    return error.exitCode;
  }
  complain(out, 'this should not have happened; please report it with what follows.');
  out.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodes.failed;
}

function complain(out: Output, message: string): void {
  out.note(`${out.noteStyle('red', 'olympus:')} ${message}`);
}

/** Commander's `error: unknown command 'stauts'\n(Did you mean status?)` as one sentence. */
function sentenceOf(text: string): string {
  const [message = '', ...hints] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n');
  const hint = hints.map((each) => each.replace(/^\((.*)\)$/, '$1')).join(' ');
  const end = /[.?]$/.test(message) ? '' : '.';
  return [`${message}${end}`, hint].filter((each) => each !== '').join(' ');
}

/** The command that was meant, as far as it exists: `olympus task list`. */
function commandPath(program: Command, args: readonly string[]): string {
  const names = [program.name()];
  let at = program;
  for (const word of args) {
    const next = at.commands.find((command) => command.name() === word);
    if (!next) break;
    names.push(word);
    at = next;
  }
  return names.join(' ');
}

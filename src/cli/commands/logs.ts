import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { accessOf, isLocalFleet, knownMachine, unknownName } from '../fleet/hosts.ts';
import { type LogRequest, localLogFiles, remoteLogCommand } from '../fleet/logs.ts';
import { exitOf, openSsh, type Running, SSH_FAILED, sshFailure } from '../fleet/openssh.ts';
import { harmless } from '../format.ts';

interface Options {
  readonly lines: number;
  readonly follow?: true;
  readonly unit?: readonly string[];
  readonly gateway?: true;
}

/** `olympus logs`: what the units of a machine wrote. */
export function addLogs(parent: Command, context: CliContext): void {
  parent
    .command('logs')
    .description('show what an agent, or the hub, wrote into its logs')
    .argument('<machine>', 'an agent, or hub')
    .addOption(
      new Option('-n, --lines <number>', 'the last so many lines').default(200).argParser(parseLines),
    )
    .option('-f, --follow', 'go on with what is written from now on, until Ctrl-C')
    .option(
      '-u, --unit <name...>',
      'only of these: olympusd, openclaw-gateway, olympus-control, nats-server …',
    )
    .addOption(new Option('--gateway', "OpenClaw's own log file instead").conflicts('unit'))
    .addHelpText(
      'after',
      `
Examples:
  $ olympus logs athena
  $ olympus logs athena -f --unit olympusd
  $ olympus logs athena --gateway -n 50
  $ olympus logs hub --unit olympus-control`,
    )
    .action(async (name: string, options: Options) => {
      const { lines, follow = false, unit = [], gateway = false } = options;
      await show(name, { lines, follow, units: unit.map(checkedUnit), gateway }, context);
    });
}

async function show(name: string, request: LogRequest, context: CliContext): Promise<void> {
  const { settings, signal, out } = context;
  const here = isLocalFleet(settings);
  const machine = here ? knownProcess(name, context) : await knownMachine(name, settings);
  const { child, exit } = here
    ? tail(localLogFiles(settings, machine, request), request, signal)
    : openSsh(
        accessOf(settings),
        [machine, '--', remoteLogCommand(request)],
        ['ignore', 'pipe', 'pipe'],
        signal,
      );
  const complaint = child.stderr ? text(child.stderr) : '';
  if (child.stdout) {
    // What an agent wrote must not steer the terminal of whoever reads it.
    createInterface({ input: child.stdout }).on('line', (line) => out.print(harmless(line)));
  }
  const { code } = await exit;
  signal.throwIfAborted();
  if (code === 0) return;
  const said = await complaint;
  if (!here && code === SSH_FAILED) throw sshFailure(machine, said, accessOf(settings));
  throw new CliError(
    `The logs of ${machine} could not be read: ${harmless(said).trim().split('\n').at(-1) || `exit code ${code}`}.`,
    `\`olympus doctor\` looks at ${machine}.`,
  );
}

/** An agent of a fleet of processes, or `hub` for the rest of it. */
function knownProcess(name: string, { settings }: CliContext): string {
  const folder = path.join(settings.stateDir, 'agents');
  const names = [...(existsSync(folder) ? readdirSync(folder).sort() : []), 'hub'];
  if (names.includes(name)) return name;
  throw unknownName(name, names);
}

function tail(files: readonly string[], { lines, follow }: LogRequest, signal: AbortSignal): Running {
  const args = ['-n', String(lines), ...(follow ? ['-F'] : []), '--', ...files];
  return exitOf(spawn('tail', args, { stdio: ['ignore', 'pipe', 'pipe'] }), signal);
}

function parseLines(given: string): number {
  const lines = Number(given);
  if (Number.isInteger(lines) && lines >= 1) return lines;
  throw new InvalidArgumentError('Write a whole number from 1.');
}

/** It becomes a word of a command line on the machine. */
function checkedUnit(unit: string): string {
  if (/^[a-zA-Z0-9][\w@.:-]*$/.test(unit)) return unit;
  throw usageError(`"${unit}" is not the name of a unit.`, 'Write for example --unit olympusd.');
}

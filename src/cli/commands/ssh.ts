import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { accessOf, knownMachine } from '../fleet/hosts.ts';
import { openSsh, SSH_FAILED } from '../fleet/openssh.ts';

/** `olympus ssh`: a shell on a machine, or one command there. */
export function addSsh(parent: Command, context: CliContext): void {
  const { settings, signal, out, stdin } = context;
  parent
    .command('ssh')
    .description('open a shell on a machine, or run a command there')
    .argument('<machine>', 'an agent, or hub')
    .argument('[command...]', 'what to run instead of a shell; after -- it may have options')
    .addHelpText(
      'after',
      `
You are the user agent there, who may use sudo. Exit code: that of the shell or the command.

Examples:
  $ olympus ssh athena
  $ olympus ssh athena -- sudo systemctl status olympusd`,
    )
    .action(async (name: string, command: readonly string[]) => {
      const machine = await knownMachine(name, settings);
      // As in a shell of its own: a command that asks or draws needs a terminal, one in a pipe must not have one.
      const terminal = command.length > 0 && stdin.isTTY && Number.isFinite(out.width) ? ['-t'] : [];
      const args = command.length > 0 ? [...terminal, machine, '--', ...command] : [machine];
      const { exit } = openSsh(accessOf(settings), args, 'inherit', signal);
      const { code } = await exit;
      if (code === SSH_FAILED) {
        out.note(`When ${machine} could not be reached, \`olympus doctor\` says why and what to do.`);
      }
      context.exitWith(code);
    });
}

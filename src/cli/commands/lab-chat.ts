import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { explainingLab } from '../lab-errors.ts';
import { chatSettings } from '../settings.ts';

/** `olympus lab chat`: the address of the lab's chat in a browser; of the stand-in logged in as its person. */
export function addLabChat(parent: Command, context: CliContext): void {
  const { out, settings, signal } = context;
  parent
    .command('chat')
    .description(
      "print the address at which a browser of this machine shows the lab's chat, logged in to the stand-in",
    )
    .addHelpText(
      'after',
      `
The token stands behind the #, which a browser sends nowhere; the page takes it out of the address. A chat server
outside of the lab is printed by its address alone: log in there as yourself.

Examples:
  $ olympus lab chat
  $ xdg-open "$(olympus lab chat)"`,
    )
    .action(() =>
      explainingLab(async () => {
        const { lookAtLab } = await import('#lab/lab-status.ts');
        const { state, doors, chatOutside } = await lookAtLab(settings.stateDir, signal);
        if (state === 'down') throw new CliError('The lab is down.', 'Start it with `olympus lab up`.');
        if (chatOutside) {
          out.print(chatOutside.url);
          return;
        }
        const { url, token } = chatSettings(settings);
        // The environment, and .env here, come before what the lab has written: they may name another fleet's chat.
        const door = doors.find(({ name }) => name === 'chat');
        if (door?.url !== url) {
          throw new CliError(
            `OLYMPUS_MATTERMOST_URL is ${url}, and the lab's chat is at ${door?.url ?? 'no address'}.`,
            'Run this without OLYMPUS_MATTERMOST_URL and OLYMPUS_MATTERMOST_TOKEN in the environment and in .env here.',
          );
        }
        out.print(`${url.replace(/\/$/, '')}/#token=${encodeURIComponent(token)}`);
      }),
    );
}

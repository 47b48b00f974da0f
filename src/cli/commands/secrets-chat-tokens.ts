import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { keepChatTokens } from '#provision/secrets/chat-tokens.ts';
import { VaultError } from '#provision/secrets/vault.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';

interface Options {
  readonly file: string;
}

/** `olympus secrets chat-tokens`: what setup gets from a chat server of ours, kept for the agents. */
export function addSecretsChatTokens(parent: Command, context: CliContext): void {
  const { out, stdin } = context;
  parent
    .command('chat-tokens')
    .description("write agents' tokens of the chat server into the secrets, from standard input")
    .requiredOption('--file <file>', 'the encrypted file, which olympus secrets init has made')
    .addHelpText(
      'after',
      `
ansible/setup.yml does this by itself where mattermost_host is set. The tokens come as JSON, {"athena": "<token>"};
those that are there already are replaced.

Examples:
  $ olympus secrets chat-tokens --file inventory/mine/group_vars/all/vault.yml < tokens.json`,
    )
    .action(async ({ file }: Options) => {
      const { settings, signal } = context;
      if (stdin.isTTY) {
        const remedy = `Give it a file: olympus secrets chat-tokens --file ${file} < tokens.json`;
        throw usageError('There is nothing on standard input.', remedy);
      }
      const { env, stateDir } = settings;
      try {
        const input = await text(addAbortSignal(signal, stdin));
        const changed = await keepChatTokens({ file, input, stateDir, env, signal });
        if (changed.length === 0) out.print(`${file} has everything already.`);
        for (const agent of changed) out.print(`${file}: vault_agents.${agent}.mattermost_token`);
      } catch (error) {
        if (error instanceof VaultError) throw new CliError(error.message, error.remedy, { cause: error });
        throw error;
      }
    });
}

import { isMap, type YAMLMap } from 'yaml';
import { z } from 'zod';
import type { Environment } from '#lib/config.ts';
import { readIfThere, writeIfChanged } from '../files.ts';
import { parseSecrets } from './fleet-secrets.ts';
import { openVault, VaultError } from './vault.ts';

/** Who gets which token: agent → token. */
const ChatTokens = z.record(z.string(), z.string().min(1));

export interface KeepOptions {
  /** The encrypted file. */
  readonly file: string;
  /** JSON, such as `{"athena": "…"}`. */
  readonly input: string;
  readonly stateDir: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** Writes the chat tokens of agents into the encrypted secrets; what is there already is replaced. Says whose changed. */
export async function keepChatTokens({ file, input, stateDir, env, signal }: KeepOptions): Promise<string[]> {
  const tokens = parseTokens(input);
  if (readIfThere(file) === undefined) {
    throw new VaultError(
      `There are no secrets in ${file} that the tokens could be added to.`,
      'Make them first: olympus secrets init --inventory <folder> --file <file>',
    );
  }
  const vault = openVault({ stateDir, env });
  const document = parseSecrets(await vault.decrypt(file, signal));
  const agents = document.get('vault_agents') as YAMLMap | undefined;
  const changed: string[] = [];
  for (const [agent, token] of Object.entries(tokens)) {
    if (!isMap(agents?.get(agent))) {
      throw new VaultError(
        `The secrets in ${file} know no agent ${agent}.`,
        'Add what it needs first: olympus secrets init --inventory <folder> --file <file>',
      );
    }
    const path = ['vault_agents', agent, 'mattermost_token'];
    if (document.getIn(path) === token) continue;
    document.setIn(path, token);
    changed.push(agent);
  }
  if (changed.length > 0)
    writeIfChanged(file, await vault.encrypt(document.toString({ lineWidth: 0 }), signal), 0o600);
  return changed;
}

/** Says nothing of what stands there: it may be a token. */
function parseTokens(input: string): Record<string, string> {
  try {
    return ChatTokens.parse(JSON.parse(input));
  } catch {
    throw new VaultError(
      'Standard input is not a JSON object of agents and their tokens.',
      'Give it as {"<agent>": "<token>"}.',
    );
  }
}

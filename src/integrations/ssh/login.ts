import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import ssh2, { type AgentAuthMethod, type PublicKeyAuthMethod } from 'ssh2';
import type { SshAccess } from './access.ts';
import type { EffectiveConfig } from './effective-config.ts';

/** With what we log in. */
export interface Login {
  readonly methods: readonly (PublicKeyAuthMethod | AgentAuthMethod)[];
  /** The same in words, for a sentence about all of them having failed. */
  readonly tried: readonly string[];
}

/** Our keys first, then those of the person's agent. A key that is missing or has a passphrase is left to the agent. */
export async function readLogin(config: EffectiveConfig, { agentSocket }: SshAccess): Promise<Login> {
  const username = config.user;
  const methods: (PublicKeyAuthMethod | AgentAuthMethod)[] = [];
  const tried: string[] = [];
  for (const file of config.identityFiles) {
    const key = await readKey(atHome(file));
    if (!key) continue;
    methods.push({ type: 'publickey', username, key });
    tried.push(file);
  }
  if (agentSocket && !config.identitiesOnly) {
    methods.push({ type: 'agent', username, agent: agentSocket });
    tried.push('the keys of ssh-agent');
  }
  return { methods, tried };
}

/** The file that a configuration means, which may begin with ~. */
export function atHome(file: string): string {
  return file.replace(/^~(?=\/)/, homedir());
}

async function readKey(file: string) {
  const content = await readFile(file).catch(() => undefined);
  if (!content) return undefined;
  const key = ssh2.utils.parseKey(content);
  return key instanceof Error || !key.isPrivateKey() ? undefined : key;
}

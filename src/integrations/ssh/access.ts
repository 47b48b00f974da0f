import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** How machines are reached: the files that ssh, Ansible and we share. */
export interface SshAccess {
  readonly configFile: string;
  /** The only file a host key is looked up in. */
  readonly knownHostsFile: string;
  /** Socket of the person's ssh-agent, if there is one. */
  readonly agentSocket?: string | undefined;
}

/** The access that `olympus ssh-config` writes into the state directory. */
export function sshAccess(stateDir: string, agentSocket?: string): SshAccess {
  const dir = path.join(stateDir, 'ssh');
  return { configFile: path.join(dir, 'config'), knownHostsFile: path.join(dir, 'known_hosts'), agentSocket };
}

/** The names that a generated configuration gives a way to, in its order; undefined when there is no such file. */
export async function configuredHosts(configFile: string): Promise<string[] | undefined> {
  let text: string;
  try {
    text = await readFile(configFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const names = text.split('\n').flatMap((line) => {
    const [keyword = '', ...patterns] = line.trim().split(/[\s=]+/);
    return keyword.toLowerCase() === 'host' ? patterns.map((pattern) => pattern.replaceAll('"', '')) : [];
  });
  return [...new Set(names)].filter((name) => !/[*?!]/.test(name));
}

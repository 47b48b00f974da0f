import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** How machines are reached: the files that ssh, Ansible and we share. */
export interface SshAccess {
  readonly configFile: string;
  /** The host keys that Olympus writes down. */
  readonly knownHostsFile: string;
  /** Socket of the person's ssh-agent, if there is one. */
  readonly agentSocket?: string | undefined;
}

/** The access that `olympus ssh-config` writes into the state directory. */
export function sshAccess(stateDir: string, agentSocket?: string): SshAccess {
  const dir = path.join(stateDir, 'ssh');
  return { configFile: path.join(dir, 'config'), knownHostsFile: path.join(dir, 'known_hosts'), agentSocket };
}

/** What a generated configuration gives a way to, by name. */
export interface ConfiguredHosts {
  readonly machines: readonly string[];
  readonly hypervisors: readonly string[];
}

/** Reads the names out of the configuration, in its order; undefined when there is no such file. */
export async function configuredHosts(configFile: string): Promise<ConfiguredHosts | undefined> {
  let text: string;
  try {
    text = await readFile(configFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const machines: string[] = [];
  const hypervisors: string[] = [];
  for (const block of text.split(/^(?=host\s)/im)) {
    const [, patterns = ''] = /^host\s+(.*)/i.exec(block) ?? [];
    const names = patterns.split(/\s+/).filter((name) => /^[a-z][\w.-]*$/i.test(name));
    // Only of machines do we make the host keys, and call them by the machine's name.
    if (/^\s*hostkeyalias\s/im.test(block)) machines.push(...names);
    else hypervisors.push(...names);
  }
  return { machines, hypervisors };
}

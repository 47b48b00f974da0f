import path from 'node:path';

/** Where the control node keeps what it needs to reach the fleet by SSH. */
export interface SshFiles {
  readonly folder: string;
  readonly config: string;
  readonly knownHosts: string;
  readonly controlKey: string;
  /** The private host key of a machine, which travels in its seed. */
  hostKey(machine: string): string;
}

/** The files of the state directory. */
export function sshFiles(stateDir: string): SshFiles {
  const folder = path.join(stateDir, 'ssh');
  return {
    folder,
    config: path.join(folder, 'config'),
    knownHosts: path.join(folder, 'known_hosts'),
    controlKey: path.join(folder, 'id_ed25519'),
    hostKey: (machine) => path.join(folder, 'host-keys', machine, 'ssh_host_ed25519_key'),
  };
}

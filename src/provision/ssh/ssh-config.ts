import type { Inventory } from '../inventory/inventory.ts';
import type { SshFiles } from './ssh-files.ts';

/** The account of every machine that people and Ansible log in with. */
export const MACHINE_USER = 'agent';

/** The SSH configuration of a fleet: every hypervisor and machine by name and by address. */
export function renderSshConfig(
  inventory: Pick<Inventory, 'hypervisors' | 'machines'>,
  files: SshFiles,
): string {
  const blocks = [
    ...inventory.hypervisors
      .filter(({ local }) => !local)
      .map(({ name, address, user }) => [
        `Host ${name} ${address}`,
        `HostName ${address}`,
        `User ${user}`,
        `IdentityFile ${quoted(files.controlKey)}`,
        // These are machines of people: their own keys and what they know of them count too.
        'IdentityFile ~/.ssh/id_ed25519',
        'IdentityFile ~/.ssh/id_rsa',
        `UserKnownHostsFile ${quoted(files.knownHosts)} ~/.ssh/known_hosts`,
      ]),
    ...inventory.machines.map(({ name, address }) => [
      `Host ${name} ${address}`,
      `HostName ${address}`,
      `User ${MACHINE_USER}`,
      `IdentityFile ${quoted(files.controlKey)}`,
      'IdentitiesOnly yes',
      `HostKeyAlias ${name}`,
      `UserKnownHostsFile ${quoted(files.knownHosts)}`,
    ]),
    [
      'Host *',
      'StrictHostKeyChecking yes',
      'ConnectTimeout 30',
      'ServerAliveInterval 15',
      'ServerAliveCountMax 8',
    ],
  ];
  const [header, include] = [
    '# Written by olympus ssh-config; an edit does not last. Put your own into config.d/<name>.conf.',
    `Include ${quoted(`${files.folder}/config.d/*.conf`)}`,
  ];
  return `${[`${header}\n${include}`, ...blocks.map((block) => block.join('\n  '))].join('\n\n')}\n`;
}

const OURS = 'olympus-machine';

/** known_hosts with exactly our machines' keys; the lines of others stay as they are. */
export function renderKnownHosts(
  before: string,
  keys: readonly { readonly name: string; readonly publicKey: string }[],
): string {
  const others = before.split('\n').filter((line) => line.trim() !== '' && !line.endsWith(` ${OURS}`));
  const ours = keys.map(({ name, publicKey }) => {
    const [type = '', key = ''] = publicKey.split(' ');
    return `${name} ${type} ${key} ${OURS}`;
  });
  return [...others, ...ours, ''].join('\n');
}

function quoted(file: string): string {
  return /\s/.test(file) ? `"${file}"` : file;
}

import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { ANSIBLE, type Ended, ROOT, run } from './ansible.ts';
import type { ScriptedChat } from './chat-server.ts';

/** The host of a chat server on this machine, and a fleet whose chat it is. */
export interface ChatHost {
  readonly pendingDir: string;
  readonly composeFile: string;
  /** The secrets, decrypted. */
  secrets(): Promise<Record<string, unknown> & { vault_agents: Record<string, Record<string, string>> }>;
  /** What setup.yml does on the host once the server runs; then what the agents' machines would be given. */
  bootstrap(...more: readonly string[]): Promise<Ended>;
  /** The token that the role `agent` would have written in the last run. */
  tokenAt(agent: string): Promise<string>;
}

export async function chatHost(dir: string, chat: ScriptedChat): Promise<ChatHost> {
  const inventory = path.join(dir, 'inventory');
  const secretsFile = path.join(inventory, 'group_vars/all/vault.yml');
  const pendingDir = path.join(dir, 'pending');
  const composeFile = path.join(dir, 'chat', 'compose.yml');
  const env = { OLYMPUS_STATE_DIR: path.join(dir, 'state') };
  await mkdir(path.dirname(composeFile));
  await writeInventory(inventory);
  const made = await run(
    './olympus',
    ['secrets', 'init', '--inventory', inventory, '--file', secretsFile],
    env,
  );
  if (made.code !== 0) throw new Error(made.output);
  const playbook = await writePlaybook(dir);

  const facts = {
    ...{ ansible_connection: 'local', ansible_become: false, ansible_python_interpreter: '/usr/bin/python3' },
    ...{ olympus_command: path.join(ROOT, 'olympus'), mattermost_agents_dir: path.join(ROOT, 'agents') },
    ...{
      _mattermost_mmctl: chat.mmctl,
      _mattermost_local_url: chat.url,
      _mattermost_pending_dir: pendingDir,
    },
    ...{ mattermost_dir: path.dirname(composeFile), _mattermost_compose: ['true'] },
  };

  return {
    ...{ pendingDir, composeFile },
    async secrets() {
      const password = path.join(dir, 'state', 'vault-password');
      const viewed = await run('ansible-vault', ['view', '--vault-password-file', password, secretsFile]);
      return parse(viewed.output);
    },
    bootstrap: (...more) =>
      run(
        'ansible-playbook',
        ['--inventory', inventory, '-e', JSON.stringify(facts), playbook, ...more],
        env,
      ),
    tokenAt: (agent) => readFile(path.join(dir, `given-${agent}`), 'utf8'),
  };
}

/** That of the lab, with a chat server of its own instead of the stand-in. */
async function writeInventory(inventory: string): Promise<void> {
  await cp(path.join(ROOT, 'inventory/lab'), inventory, { recursive: true });
  const file = path.join(inventory, 'group_vars/all/main.yml');
  const before = await readFile(file, 'utf8');
  const after = before
    .replace('standins_enabled: true', 'mattermost_host: r720xd')
    .replace('hypervisor_has_systemd: false', 'hypervisor_has_systemd: true')
    .replace('mattermost_addresses: [10.220.1.20]', 'mattermost_addresses: [10.220.1.10]');
  await writeFile(file, after);
  // secrets init makes this one.
  await rm(path.join(inventory, 'group_vars/all/vault.yml'));
}

async function writePlaybook(dir: string): Promise<string> {
  const ansible = path.join(dir, 'ansible');
  await mkdir(ansible);
  for (const entry of ['roles', 'group_vars', 'library', 'module_utils', 'action_plugins'])
    await symlink(path.join(ANSIBLE, entry), path.join(ansible, entry));
  const playbook = path.join(ansible, 'bootstrap.yml');
  const tasksOf = (from: string) => ({
    'ansible.builtin.include_role': { name: 'mattermost', tasks_from: from },
  });
  // The parts of setup.yml that a scripted server does for: what it writes before, and what it does with it.
  const compose = {
    'ansible.builtin.template': {
      src: path.join(ANSIBLE, 'roles/mattermost/templates/opt/mattermost/compose.yml.j2'),
      dest: '{{ mattermost_dir }}/compose.yml',
      mode: '0644',
    },
  };
  const look = {
    'ansible.builtin.stat': { path: '{{ _mattermost_admin_mark }}' },
    register: '_mattermost_has_admin',
  };
  const open = { ...tasksOf('open'), when: 'not _mattermost_has_admin.stat.exists' };
  const given = {
    'ansible.builtin.copy': {
      content: '{{ vault_agents[inventory_hostname].mattermost_token }}',
      dest: path.join(dir, 'given-{{ inventory_hostname }}'),
      mode: '0600',
    },
    no_log: true,
  };
  const plays = [
    {
      ...{ hosts: 'r720xd', gather_facts: false },
      // Not run: a role in the play brings its defaults and its variables.
      roles: [{ role: 'mattermost', when: false }],
      tasks: [look, compose, tasksOf('bootstrap'), open],
    },
    { hosts: 'agents', gather_facts: false, tasks: [given] },
  ];
  await writeFile(playbook, stringify(plays));
  return playbook;
}

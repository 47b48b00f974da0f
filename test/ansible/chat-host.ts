import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { parse, stringify } from 'yaml';
import { ANSIBLE, type Ended, ROOT, run } from './ansible.ts';
import { type ChatState, EMPTY, newId } from './scripted-mmctl.ts';

/** A chat server's host on this machine: a scripted mmctl, the address at which the first account is made, and a fleet. */
export interface ChatHost extends AsyncDisposable {
  readonly url: string;
  /** The words that stand for mmctl. */
  readonly mmctl: readonly string[];
  readonly pendingDir: string;
  readonly secretsFile: string;
  state(): ChatState;
  change(edit: (state: ChatState) => void): void;
  /** The secrets, decrypted. */
  secrets(): Promise<Record<string, unknown> & { vault_agents: Record<string, Record<string, string>> }>;
  /** What setup.yml does on the host once the server runs; then what the agents' machines would be given. */
  bootstrap(...more: readonly string[]): Promise<Ended>;
  /** The token that the role `agent` would have written in the last run. */
  tokenAt(agent: string): Promise<string>;
}

export async function chatHost(dir: string): Promise<ChatHost> {
  const stateFile = path.join(dir, 'chat.json');
  const inventory = path.join(dir, 'inventory');
  const secretsFile = path.join(inventory, 'group_vars/all/vault.yml');
  const pendingDir = path.join(dir, 'pending');
  const env = { OLYMPUS_STATE_DIR: path.join(dir, 'state') };
  const state = () => JSON.parse(readFileSync(stateFile, 'utf8')) as ChatState;
  const save = (value: ChatState) => writeFileSync(stateFile, JSON.stringify(value));
  const change = (edit: (value: ChatState) => void) => {
    const value = state();
    edit(value);
    save(value);
  };
  save(EMPTY);
  await writeInventory(inventory);
  const made = await run(
    './olympus',
    ['secrets', 'init', '--inventory', inventory, '--file', secretsFile],
    env,
  );
  if (made.code !== 0) throw new Error(made.output);
  const playbook = await writePlaybook(dir);
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
    if (request.method !== 'POST' || request.url !== '/api/v4/users') return answer(404, { message: 'no' });
    const { username, email, password } = JSON.parse(await text(request));
    if (state().users.length > 0 || password.length < 8)
      return answer(403, { message: 'This server does not allow open signups.' });
    const roles = 'system_admin system_user';
    change(({ users }) => users.push({ id: newId(), username, email, roles }));
    return answer(201, {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const mmctl = [process.execPath, path.join(ROOT, 'test/ansible/scripted-mmctl.ts'), stateFile];

  const facts = {
    ...{ ansible_connection: 'local', ansible_become: false, ansible_python_interpreter: '/usr/bin/python3' },
    ...{ olympus_command: path.join(ROOT, 'olympus'), mattermost_agents_dir: path.join(ROOT, 'agents') },
    ...{ _mattermost_mmctl: mmctl, _mattermost_local_url: url, _mattermost_pending_dir: pendingDir },
  };

  return {
    ...{ url, mmctl, pendingDir, secretsFile, state, change },
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
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
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
  const role = { 'ansible.builtin.include_role': { name: 'mattermost', tasks_from: 'bootstrap' } };
  const given = {
    'ansible.builtin.copy': {
      content: '{{ vault_agents[inventory_hostname].mattermost_token }}',
      dest: path.join(dir, 'given-{{ inventory_hostname }}'),
      mode: '0600',
    },
    no_log: true,
  };
  const plays = [
    { hosts: 'r720xd', gather_facts: false, tasks: [role] },
    { hosts: 'agents', gather_facts: false, tasks: [given] },
  ];
  await writeFile(playbook, stringify(plays));
  return playbook;
}

import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { ANSIBLE, ROOT, run } from './ansible.ts';

/** Which templates a machine gets, by role. */
const WANTED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  athena: {
    base: [
      'etc/ssh/sshd_config.d/10-olympus.conf',
      'etc/sysusers.d/olympus.conf',
      'etc/ufw/ufw.conf',
      'etc/ufw/user.rules',
    ],
    openclaw: ['etc/systemd/system/openclaw-gateway.service'],
    agent: [
      'etc/olympus/olympusd.env',
      'etc/polkit-1/rules.d/50-olympusd.rules',
      'etc/systemd/system/olympusd.service',
      'etc/tmpfiles.d/olympus-actions.conf',
      'usr/local/bin/olympus',
    ],
  },
  // Where mattermost_host says r720xd.
  r720xd: {
    mattermost: [
      'etc/systemd/system/olympus-bridges.service',
      'opt/mattermost/compose.yml',
      'opt/mattermost/mattermost.env',
      'usr/local/sbin/olympus-bridges',
    ],
  },
  // Her dashboard is open to the admin network.
  apollo: { base: ['etc/ufw/user.rules'] },
  hub: {
    base: ['etc/sysusers.d/olympus.conf', 'etc/ufw/user.rules'],
    nats: ['etc/systemd/system/nats-server.service'],
    control: ['etc/olympus/control.env', 'etc/systemd/system/olympus-control.service'],
    standins: ['etc/systemd/system/olympus-standin-mattermost.service'],
  },
};

/**
 * Renders the templates of inventory/lab with Ansible itself, and returns `<machine>/<path on it>` → text.
 * The playbook lies beside links to the real roles and variables, so that every path is looked up as in setup.yml.
 */
export async function renderTemplates(dir: string): Promise<Map<string, string>> {
  const ansible = path.join(dir, 'ansible');
  const target = path.join(dir, 'rendered');
  await mkdir(ansible);
  for (const entry of ['roles', 'group_vars', 'library', 'action_plugins', 'templates']) {
    await symlink(path.join(ANSIBLE, entry), path.join(ansible, entry));
  }
  await symlink(path.join(ROOT, 'agents'), path.join(dir, 'agents'));
  const plays = Object.entries(WANTED).map(([machine, roles]) => ({
    hosts: machine,
    connection: 'local',
    gather_facts: false,
    // Not run: a role in the play brings its defaults and its variables.
    roles: Object.keys(roles).map((role) => ({ role, when: false })),
    tasks: Object.entries(roles).flatMap(([role, templates]) =>
      templates.map((template) => ({
        'ansible.builtin.template': {
          src: `roles/${role}/templates/${template}.j2`,
          dest: path.join(target, machine, template),
          mode: '0644',
        },
      })),
    ),
  }));
  for (const [machine, roles] of Object.entries(WANTED)) {
    for (const template of Object.values(roles).flat()) {
      await mkdir(path.dirname(path.join(target, machine, template)), { recursive: true });
    }
  }
  const before = {
    hosts: 'machines',
    gather_facts: false,
    tasks: [
      {
        'ansible.builtin.import_role': { name: 'inventory_check', tasks_from: 'connectivity' },
        run_once: true,
        delegate_to: 'localhost',
      },
    ],
  };
  const playbook = path.join(ansible, 'render.yml');
  await writeFile(playbook, stringify([before, ...plays]));
  // With what the lab leaves out, since it is for all its people.
  const more = JSON.stringify({
    olympus_command: path.join(ROOT, 'olympus'),
    chat_access: { channels: { leads: { users: ['ada'], roles: ['system_admin'] } }, direct: { users: [] } },
    agent_pair_per_day: 20,
    github: {
      repositories: ['acme/web'],
      reader: 'athena',
      agents: { athena: { login: 'athena-acme[bot]', app: 1, installation: 2 } },
    },
  });
  const ended = await run('ansible-playbook', ['--inventory', 'inventory/lab', '-e', more, playbook]);
  if (ended.code !== 0) throw new Error(ended.output);
  return readTree(target);
}

/** Every file of a folder, by its path in it. */
export async function readTree(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const at = path.join(entry.parentPath, entry.name);
    found.set(path.relative(folder, at), await readFile(at, 'utf8'));
  }
  return new Map([...found].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ANSIBLE } from './ansible.ts';
import { argumentsOf, ROLES, roleFile, type Task, tasksOf } from './roles.ts';

interface Play {
  readonly hosts: string;
  readonly roles?: readonly { readonly role: string }[];
}

const WANTS = '/etc/systemd/system/multi-user.target.wants';

/** What setup writes and reset does not remove, with the reason. */
const KEPT: Readonly<Record<string, readonly string[]>> = {
  // The distribution's own: reset puts the files back as they came, and the service does nothing then.
  base: ['/etc/ufw/ufw.conf', '/etc/ufw/user.rules', `${WANTS}/ufw.service`],
};

describe('reset.yml', () => {
  it('is setup.yml read upward', () => {
    const setup = rolesOf('setup.yml');

    const reset = rolesOf('reset.yml');

    // The question for the fleet's name comes first in both.
    assert.deepEqual(reset.slice(1), setup.slice(1).toReversed());
    assert.equal(reset[0], setup[0]);
  });
});

describe('the reset of', () => {
  for (const role of ROLES) {
    it(`${role} removes every path that its setup makes`, () => {
      const made = pathsMadeBy(role);

      const removed = pathsRemovedBy(role);

      const left = made.filter(
        (each) => !removed.some((gone) => each === gone || each.startsWith(`${gone}/`)),
      );
      assert.deepEqual(
        left.filter((each) => !(KEPT[role] ?? []).includes(each)),
        [],
      );
    });

    it(`${role} stops every unit that its setup starts at boot`, () => {
      const started = pathsMadeBy(role)
        .filter((each) => each.includes('.target.wants/') && !(KEPT[role] ?? []).includes(each))
        .map((each) => path.basename(each));

      const stopped = argumentsOf(tasksOf(role, 'reset.yml'), 'olympus_units').flatMap(
        (units) => units['stopped'] as string[],
      );

      assert.deepEqual(stopped, started);
    });

    it(`${role} removes every directory that systemd makes for its units`, () => {
      const made = directoriesOfUnits(role);

      const removed = pathsRemovedBy(role);

      assert.deepEqual(
        made.filter((each) => !removed.includes(each)),
        [],
      );
    });
  }
});

/** CacheDirectory= of the role's units. */
function directoriesOfUnits(role: string): string[] {
  const folder = path.join(ANSIBLE, 'roles', role, 'templates/etc/systemd/system');
  const units = existsSync(folder) ? readdirSync(folder) : [];
  return units.flatMap((unit) => {
    const text = readFileSync(path.join(folder, unit), 'utf8');
    return [...text.matchAll(/set cache_directory = '([\w-]+)'/g)].map(([, name]) => `/var/cache/${name}`);
  });
}

function rolesOf(playbook: string): string[] {
  const plays = parse(readFileSync(path.join(ANSIBLE, playbook), 'utf8')) as Play[];
  return plays.flatMap((play) => (play.roles ?? []).map(({ role }) => `${play.hosts}: ${role}`));
}

/** With the role's own variables filled in, as far as they are plain text. */
function pathsMadeBy(role: string): string[] {
  const tasks = tasksOf(role, 'setup.yml');
  const listed = argumentsOf(tasks, 'olympus_files').flatMap((given) => [
    ...entries(given['directories'], tasks, role),
    ...entries(given['files'], tasks, role),
    ...entries(given['trees'], tasks, role),
    ...entries(given['links'], tasks, role),
  ]);
  const single = [
    'ansible.builtin.file',
    'ansible.builtin.copy',
    'ansible.builtin.get_url',
    'ansible.builtin.unarchive',
  ];
  const others = tasks.flatMap((task) =>
    single.flatMap((module) => {
      const given = task[module] as Record<string, string> | undefined;
      if (!given) return [];
      const target = given['path'] ?? given['dest'] ?? '';
      const items = (task['loop'] ?? ['']) as (string | { name: string })[];
      return items.map((item) =>
        filled(role, target)
          .replace('{{ item }}', () => filled(role, String(item)))
          .replace('{{ item.name }}', () => filled(role, (item as { name: string }).name)),
      );
    }),
  );
  return [...new Set([...listed.map((each) => filled(role, each)), ...others])].filter((each) => each !== '');
}

function pathsRemovedBy(role: string): string[] {
  const tasks = tasksOf(role, 'reset.yml');
  const absent = argumentsOf(tasks, 'olympus_files').flatMap((given) => given['absent'] as string[]);
  const emptied = argumentsOf(tasks, 'ansible.builtin.command')
    .map((given) => given['argv'] as string[])
    .filter(([command]) => command === 'find')
    .flatMap((argv) => argv.slice(1, argv.indexOf('-depth')));
  const removed = tasks
    .filter((task) => (task['ansible.builtin.file'] as Task | undefined)?.['state'] === 'absent')
    .map((task) => (task['ansible.builtin.file'] as { path: string }).path.replace('/{{ item }}', ''));
  return [...absent, ...emptied, ...removed].map((each) => filled(role, each));
}

/** The `path` of each entry: written out, or in a variable of the role or the task that holds the list. */
function entries(given: unknown, tasks: readonly Task[], role: string): string[] {
  if (Array.isArray(given)) return given.map((each: { path: string }) => each.path);
  if (typeof given !== 'string') return [];
  const variables = Object.assign(
    {},
    roleFile(role, 'vars/main.yml'),
    ...tasks.map((task) => task['vars'] ?? {}),
  ) as Record<string, unknown>;
  const names = [...given.matchAll(/_[a-z_]+/g)].map(([name]) => name);
  return names.flatMap((name) => {
    const value = variables[name];
    return Array.isArray(value) ? value.map((each: { path: string }) => each.path) : [];
  });
}

function filled(role: string, text: string): string {
  const shared = parse(readFileSync(path.join(ANSIBLE, 'group_vars/all.yml'), 'utf8')) as object;
  const variables = {
    ...shared,
    ...(roleFile(role, 'defaults/main.yml') as object),
    ...(roleFile(role, 'vars/main.yml') as object | undefined),
    ...Object.assign({}, ...tasksOf(role, 'setup.yml').map((task) => task['vars'] ?? {})),
  } as Record<string, unknown>;
  let current = text;
  for (let round = 0; round < 8; round += 1) {
    current = current.replaceAll(/\{\{ (\w+) \}\}/g, (whole, name: string) =>
      typeof variables[name] === 'string' ? String(variables[name]) : whole,
    );
  }
  return current;
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ANSIBLE } from './ansible.ts';
import { ROLES, roleFile, tasksOf } from './roles.ts';

interface Specs {
  readonly argument_specs: {
    readonly main: { readonly options: Record<string, { default?: unknown; required?: boolean }> };
  };
}

describe('every role', () => {
  for (const role of ROLES) {
    const specs = roleFile(role, 'meta/argument_specs.yml') as Specs;
    const defaults = roleFile(role, 'defaults/main.yml') as Record<string, unknown>;

    it(`${role} describes exactly the variables that it has, with the same defaults`, () => {
      const described = Object.entries(specs.argument_specs.main.options).map(([name, option]) => [
        name,
        option.default,
      ]);

      assert.deepEqual(Object.fromEntries(described), defaults);
    });

    it(`${role} gives its variables its own name`, () => {
      const foreign = Object.keys(defaults).filter(
        (name) => name !== 'reset' && !name.startsWith(`${role}_`),
      );
      const internal = Object.keys((roleFile(role, 'vars/main.yml') ?? {}) as object).filter(
        (name) => !name.startsWith(`_${role}_`),
      );

      assert.deepEqual([...foreign, ...internal], []);
    });

    it(`${role} explains every default in a comment`, () => {
      const text = readFileSync(path.join(ANSIBLE, 'roles', role, 'defaults/main.yml'), 'utf8');

      const unexplained = [...text.matchAll(/^(.*)\n(\w+):/gm)].filter(
        ([, before]) => !before?.startsWith('#'),
      );

      assert.deepEqual(unexplained, []);
    });

    it(`${role} only routes in main.yml, and can set up, undo and verify`, () => {
      const main = tasksOf(role, 'main.yml').filter((task) => 'when' in task);

      assert.deepEqual(
        main
          .slice(0, 1)
          .concat(main.filter((task) => task['ansible.builtin.include_tasks'] === 'reset.yml'))
          .map((task) => [task['ansible.builtin.include_tasks'], task['when']]),
        [
          ['setup.yml', 'not reset | bool'],
          ['reset.yml', 'reset | bool'],
        ],
      );
      assert.equal((roleFile(role, 'tasks/main.yml') as unknown[]).length, 2);
      assert.ok(tasksOf(role, 'verify.yml').length > 0);
      assert.ok(existsSync(path.join(ANSIBLE, 'roles', role, 'README.md')));
    });

    it(`${role} reads no variable of another role`, () => {
      const others = ROLES.filter((other) => other !== role).flatMap(variablesOf);
      const text = JSON.stringify([
        roleFile(role, 'defaults/main.yml'),
        roleFile(role, 'vars/main.yml'),
        roleFile(role, 'handlers/main.yml'),
        ...['setup.yml', 'reset.yml', 'verify.yml'].map((file) => tasksOf(role, file)),
      ]);

      const read = others.filter((name) => new RegExp(`(?<![\\w/.-])${name}(?!\\w)`).test(text));

      assert.deepEqual(read, []);
    });
  }
});

/** What a role has for itself: its defaults, its internal variables, and what its tasks register. */
function variablesOf(role: string): string[] {
  const registered = ['setup.yml', 'reset.yml', 'verify.yml']
    .flatMap((file) => tasksOf(role, file))
    .flatMap((task) => (typeof task['register'] === 'string' ? [task['register']] : []));
  const named = ['defaults/main.yml', 'vars/main.yml'].flatMap((file) =>
    Object.keys((roleFile(role, file) ?? {}) as object),
  );
  return [...new Set([...named, ...registered])].filter((name) => name !== 'reset');
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ANSIBLE } from './ansible.ts';

export type Task = Readonly<Record<string, unknown>>;

export const ROLES = readdirSync(path.join(ANSIBLE, 'roles')).toSorted();

/** A YAML file of a role; undefined when the role has none. */
export function roleFile(role: string, file: string): unknown {
  const at = path.join(ANSIBLE, 'roles', role, file);
  return existsSync(at) ? parse(readFileSync(at, 'utf8')) : undefined;
}

/** All tasks of one of a role's files, with those of the files it includes and of its blocks. */
export function tasksOf(role: string, file: string): Task[] {
  const found: Task[] = [];
  for (const task of (roleFile(role, `tasks/${file}`) ?? []) as Task[]) {
    found.push(task);
    const included = task['ansible.builtin.include_tasks'];
    if (typeof included === 'string') found.push(...tasksOf(role, included));
    for (const part of ['block', 'rescue', 'always']) found.push(...((task[part] ?? []) as Task[]));
  }
  return found;
}

/** Every task that has this module, as the module's arguments. */
export function argumentsOf(tasks: readonly Task[], module: string): Record<string, unknown>[] {
  return tasks.flatMap((task) =>
    task[module] === undefined ? [] : [task[module] as Record<string, unknown>],
  );
}

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** The variables of the roles and playbooks: what may stand in an inventory besides our own fields. */
export function roleVariables(root: string): ReadonlySet<string> {
  const ansible = path.join(root, 'ansible');
  const files = [
    ...foldersIn(path.join(ansible, 'roles')).map((role) => path.join(role, 'defaults', 'main.yml')),
    ...readFolder(path.join(ansible, 'group_vars')).map((name) => path.join(ansible, 'group_vars', name)),
  ];
  return new Set(files.flatMap(keysOf));
}

function foldersIn(folder: string): string[] {
  return readFolder(folder).map((name) => path.join(folder, name));
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** No role's file is ours to judge: one that cannot be read names no variables. */
function keysOf(file: string): string[] {
  try {
    const value: unknown = parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  } catch {
    return [];
  }
}

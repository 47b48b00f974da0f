import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/**
 * What would be without effect, or worse, where variables stand: what is open follows from connectivity.yml, and where a
 * dashboard listens is said at its machine, so that its firewall knows.
 */
const DECIDED_ELSEWHERE: ReadonlySet<string> = new Set(['base_open_ports', 'openclaw_bind']);

/** The variables of the roles and playbooks: what may stand in an inventory besides our own fields. */
export function roleVariables(root: string): ReadonlySet<string> {
  const ansible = path.join(root, 'ansible');
  const files = [
    ...foldersIn(path.join(ansible, 'roles')).map((role) => path.join(role, 'defaults', 'main.yml')),
    ...readFolder(path.join(ansible, 'group_vars')).map((name) => path.join(ansible, 'group_vars', name)),
  ];
  return new Set(files.flatMap(keysOf).filter((name) => !DECIDED_ELSEWHERE.has(name)));
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

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Repositories } from '../../src/control/store/store.ts';

const CONTROL = path.resolve(import.meta.dirname, '../../src/control');
const WRITES = /\b(?:INSERT INTO|UPDATE|DELETE FROM)\b/;
const CALL = /\btx\.(\w+)\.(\w+)\(/g;

/** Where in the control plane's source a repository is asked to write: `<file>:<line>` with what is called there. */
export function writeSites(repositories: Repositories, exempt: ReadonlySet<string>): Map<string, string> {
  const sites = new Map<string, string>();
  const files = readdirSync(CONTROL, { recursive: true, encoding: 'utf8' }).filter((each) =>
    each.endsWith('.ts'),
  );
  for (const file of files) {
    const lines = readFileSync(path.join(CONTROL, file), 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      for (const [, repository = '', method = ''] of line.matchAll(CALL)) {
        const isExempt = exempt.has(repository) || exempt.has(`${repository}.${method}`);
        if (isExempt || !writes(repositories, repository, method)) continue;
        sites.set(`src/control/${file}:${index + 1}`, `${repository}.${method}`);
      }
    }
  }
  return sites;
}

/** Whether this method of a repository has a statement that writes. */
function writes(repositories: Repositories, repository: string, method: string): boolean {
  const found = Object.entries(repositories).find(([name]) => name === repository)?.[1];
  const code: unknown = found && Reflect.get(found, method);
  if (typeof code !== 'function') throw new Error(`there is no ${repository}.${method} in the store`);
  return WRITES.test(String(code));
}

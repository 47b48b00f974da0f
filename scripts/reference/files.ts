import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Content by path from the root of the checkout. */
export type Pages = ReadonlyMap<string, string>;

/** The folder in which every file is generated. */
export const SCHEMAS = 'docs/reference/schemas';

/** A sentence for every page that is missing, differs, or is left over from a message that is gone. */
export function differences(root: string, pages: Pages): string[] {
  const sentences = [...pages].flatMap(([file, content]) => {
    const present = read(path.join(root, file));
    if (present === undefined) return [`${file} is missing.`];
    return present === content ? [] : [`${file} is not what the code says.`];
  });
  return [...sentences, ...leftOver(root, pages).map((file) => `${file} describes nothing any more.`)];
}

/** Writes what differs, removes what is left over, and returns the paths of both. */
export function writePages(root: string, pages: Pages): string[] {
  const changed: string[] = [];
  for (const [file, content] of pages) {
    const target = path.join(root, file);
    if (read(target) === content) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
    changed.push(file);
  }
  for (const file of leftOver(root, pages)) {
    rmSync(path.join(root, file));
    changed.push(`${file} (removed)`);
  }
  return changed;
}

function leftOver(root: string, pages: Pages): string[] {
  const folder = path.join(root, SCHEMAS);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => `${SCHEMAS}/${name}`)
    .filter((file) => !pages.has(file));
}

function read(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Grows when the same sources would make another archive. */
const FORMAT = 1;
/** With the packages that are our own: they are imported by path, and npm knows nothing of them. */
const SOURCES = ['src', 'packages/node-libvirt/src'];
/** The lock file decides what is installed; it does not travel. */
const PINS = ['package.json', 'package-lock.json'];

/** What a release is made of, and its name. */
export interface ReleaseContents {
  readonly digest: string;
  /** Path from the root of the checkout → content, sorted. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Our own files as they are in the working tree. The same content has the same digest, wherever it lies. */
export async function readContents(root: string): Promise<ReleaseContents> {
  const sources = await Promise.all(SOURCES.map((folder) => filesBelow(root, folder)));
  const names = [...sources.flat(), ...PINS].sort();
  const hash = createHash('sha256').update(`release ${FORMAT}\0`);
  const files = new Map<string, Buffer>();
  for (const name of names) {
    const content = await readFile(path.join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
    files.set(name, content);
  }
  return { digest: hash.digest('hex').slice(0, 16), files };
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.join(root, folder), { withFileTypes: true });
  const wanted = entries.filter(({ name }) => !isLeftOver(name));
  const found = await Promise.all(
    wanted.map((entry) => {
      const file = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(root, file);
      return entry.isFile() ? [file] : [];
    }),
  );
  return found.flat();
}

/** What editors, programs and package managers leave between sources; .gitignore has the same. */
function isLeftOver(name: string): boolean {
  return (
    name.startsWith('.') || name === 'node_modules' || name === 'coverage' || /(\.log|\.tmp|~)$/.test(name)
  );
}

import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ensureCacheEntry } from '#lib/cache-entry.ts';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { type ReleaseContents, readContents } from './contents.ts';
import { ensureProductionModules } from './production-modules.ts';

export interface BuildOptions {
  /** The checkout. */
  readonly root: string;
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** One archive of our code with everything it needs but Node. */
export interface Release {
  readonly digest: string;
  readonly file: string;
  /** False when it was there already. */
  readonly changed: boolean;
}

/**
 * Packs the working tree into `releases/<digest>.tar.gz` of the cache: `src`, our own packages, `node_modules`, `package.json`
 * and a file `RELEASE` that names it. The same content makes the same bytes, once.
 */
export async function buildRelease(options: BuildOptions): Promise<Release> {
  const { root, cacheDir, signal, onProgress } = options;
  const contents = await readContents(root);
  const { digest } = contents;
  const folder = path.join(cacheDir, 'releases');
  const name = `${digest}.tar.gz`;
  const file = path.join(folder, name);
  let changed = false;
  await ensureCacheEntry({
    folder,
    find: async () => (existsSync(file) ? file : undefined),
    make: async (workDir) => {
      const modules = await ensureProductionModules(options);
      onProgress(`packing release ${digest}`);
      const staging = path.join(workDir, 'release');
      await stage(contents, staging);
      await pack({ staging, modules, archive: path.join(workDir, name), signal });
      await forgetOld(folder);
      changed = true;
      return { name, contents: name };
    },
    signal,
    onProgress,
  });
  return { digest, file, changed };
}

/** Writes what was read, not what is there by now: the name says what is inside. */
async function stage({ digest, files }: ReleaseContents, staging: string): Promise<void> {
  for (const [name, content] of files) {
    if (name === 'package-lock.json') continue;
    const target = path.join(staging, name);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  const { version } = JSON.parse(String(files.get('package.json'))) as { version: string };
  await writeFile(path.join(staging, 'RELEASE'), `${JSON.stringify({ digest, version })}\n`);
}

/** Sorted, without times, owners and the mask of whoever packs: the bytes tell nothing about this machine. */
const TAR_ARGUMENTS = [
  ...['--format=gnu', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'],
  ...['--mode=u=rwX,go=rX', '--use-compress-program=gzip -n -9'],
];

async function pack(options: {
  readonly staging: string;
  readonly modules: string;
  readonly archive: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { staging, modules, archive, signal } = options;
  const members = ['--directory', staging, '.', '--directory', modules, './node_modules'];
  const run = $({ signal, quiet: true, nothrow: true, timeout: '5m' });
  const tar =
    await run`exec setpriv --pdeathsig KILL tar --create --file ${archive} ${TAR_ARGUMENTS} ${members}`;
  signal.throwIfAborted();
  if (tar.exitCode === 0) return;
  throw new ToolError(
    `Could not pack the release into ${archive}: tar ended with ${tar.exitCode}.\n${tar.stderr.trim()}`,
  );
}

/** The machines keep the releases they run; here an archive serves only to bring it to them. */
const KEEP_ARCHIVES = 10;

async function forgetOld(folder: string): Promise<void> {
  const archives = (await readdir(folder)).filter((name) => name.endsWith('.tar.gz'));
  const dated = await Promise.all(
    archives.map(async (name) => ({ name, at: (await stat(path.join(folder, name))).mtimeMs })),
  );
  const old = dated.toSorted((a, b) => b.at - a.at).slice(KEEP_ARCHIVES - 1);
  for (const { name } of old) await rm(path.join(folder, name), { force: true });
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ensureCacheEntry } from '#lib/cache-entry.ts';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';

/** Nothing of ours needs an optional package, and peers are there for types only: TypeScript itself would come as one. */
const NPM_ARGUMENTS = [
  'ci',
  ...['--omit=dev', '--omit=optional', '--omit=peer', '--ignore-scripts'],
  ...['--no-audit', '--no-fund', '--loglevel=error'],
];

/** Grows when `isNeeded` changes. */
const PRUNING = 1;
const NOT_NEEDED_FILES = /^\.|\.([cm]?ts|map|md|markdown)$/;
const LICENCES = /^(licen[cs]e|notice|copying)/i;
/** Below the folder of a package only: further down such a name may be code (yaml has dist/doc). */
const NOT_NEEDED_FOLDERS = /^(tests?|__tests__|docs?|man|examples?|bench|benchmarks?|coverage)$/;

/**
 * A folder with `node_modules` as a release needs it: exactly what package-lock.json pins, checked by npm, and of that
 * only what runs. Made once for each lock file, then taken from the cache.
 */
export async function ensureProductionModules(options: {
  readonly root: string;
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}): Promise<string> {
  const { root, cacheDir, signal, onProgress } = options;
  const folder = path.join(cacheDir, 'production-modules');
  const lock = await readFile(path.join(root, 'package-lock.json'));
  const recipe = `${NPM_ARGUMENTS.join(' ')} ${PRUNING}\0`;
  const name = createHash('sha256').update(recipe).update(lock).digest('hex').slice(0, 16);
  const entry = path.join(folder, name);
  return ensureCacheEntry({
    folder,
    find: async () => (existsSync(entry) ? entry : undefined),
    make: async (workDir) => {
      onProgress('installing the packages of a release with npm');
      const contents = 'install';
      await install(root, path.join(workDir, contents), signal);
      await prune(path.join(workDir, contents, 'node_modules'));
      return { name, contents };
    },
    signal,
    onProgress,
  });
}

async function install(root: string, dir: string, signal: AbortSignal): Promise<void> {
  await mkdir(dir);
  for (const pin of ['package.json', 'package-lock.json']) {
    await copyFile(path.join(root, pin), path.join(dir, pin));
  }
  const run = $({ signal, quiet: true, nothrow: true, cwd: dir, timeout: '10m' });
  // It dies with this process, even when that is killed: npm would go on filling a folder that the next run sweeps.
  const npm = await run`exec setpriv --pdeathsig KILL npm ${NPM_ARGUMENTS}`;
  signal.throwIfAborted();
  if (npm.exitCode === 0) return;
  throw new ToolError(
    `Could not install the packages of package-lock.json: npm ci ended with ${npm.exitCode}. Run this again when the npm registry answers; after a change to package.json, run npm install first.\n${npm.stderr.trim()}`,
  );
}

/** Removes what does not run, then the folders that are empty without it. */
async function prune(modulesDir: string): Promise<void> {
  await pruneFolder(modulesDir, 'modules');
}

async function pruneFolder(dir: string, kind: 'modules' | 'package' | 'inside'): Promise<boolean> {
  let left = false;
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const at = path.join(dir, entry.name);
    if (!isNeeded(entry.name, entry.isDirectory(), kind)) await rm(at, { recursive: true, force: true });
    else if (entry.isDirectory()) left = (await pruneFolder(at, kindOf(entry.name, kind))) || left;
    else left = true;
  }
  if (!left) await rmdir(dir);
  return left;
}

function isNeeded(name: string, isFolder: boolean, kind: 'modules' | 'package' | 'inside'): boolean {
  if (!isFolder) return LICENCES.test(name) || !NOT_NEEDED_FILES.test(name);
  return !name.startsWith('.') && !(kind === 'package' && NOT_NEEDED_FOLDERS.test(name));
}

function kindOf(name: string, parent: 'modules' | 'package' | 'inside'): 'modules' | 'package' | 'inside' {
  if (name === 'node_modules') return 'modules';
  if (parent !== 'modules') return 'inside';
  return name.startsWith('@') ? 'modules' : 'package';
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ensureCacheEntry } from '#lib/cache-entry.ts';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { OPENCLAW_VERSION } from './versions.ts';

const PINS_DIR = path.join(import.meta.dirname, 'openclaw');
const PINS = ['package.json', 'package-lock.json'];

/** No install scripts: 329 packages should not run code here. */
const NPM_ARGUMENTS = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
/**
 * Has OpenClaw finish its own installation, which its first command does. The gateway could not: it runs as a user
 * who may not write there.
 */
const FINISH_ARGUMENTS = ['--version'];
/** There until OpenClaw has finished (its scripts/lib/package-lifecycle-marker.mjs). */
const UNFINISHED = '.openclaw-lifecycle-pending';

/**
 * The folder with OpenClaw and its dependencies installed (`node_modules` is in it), exactly as pinned by
 * `openclaw/package-lock.json`, integrity checked by npm. Made on first use, then taken from the cache.
 */
export async function ensureOpenclaw(
  cacheDir: string,
  signal: AbortSignal,
  onProgress: OnProgress = () => undefined,
): Promise<string> {
  const folder = path.join(cacheDir, 'openclaw');
  const name = `${OPENCLAW_VERSION}-${(await recipeDigest()).slice(0, 12)}`;
  const entry = path.join(folder, name);
  return ensureCacheEntry({
    folder,
    find: async () => (existsSync(openclawEntry(entry)) ? entry : undefined),
    make: async (workDir) => {
      onProgress(`installing openclaw ${OPENCLAW_VERSION} with npm`);
      await install(path.join(workDir, 'install'), signal);
      return { name, contents: 'install' };
    },
    signal,
    onProgress,
  });
}

/** What to run with Node (24.16 or newer) as the `openclaw` command of that folder. */
export function openclawEntry(dir: string): string {
  return path.join(dir, 'node_modules', 'openclaw', 'openclaw.mjs');
}

async function recipeDigest(): Promise<string> {
  const hash = createHash('sha256').update([...NPM_ARGUMENTS, ...FINISH_ARGUMENTS].join(' '));
  for (const pin of PINS) hash.update(await readFile(path.join(PINS_DIR, pin)));
  return hash.digest('hex');
}

async function install(dir: string, signal: AbortSignal): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const pin of PINS) await copyFile(path.join(PINS_DIR, pin), path.join(dir, pin));
  // Our Node also for npm: it leaves out packages that are not for the Node it runs on.
  const bin = path.dirname(process.execPath);
  const run = $({ signal, quiet: true, nothrow: true, cwd: dir, timeout: '20m' });
  // It dies with this process, even when that is killed: npm would go on filling a folder that the next run sweeps.
  // It trusts whom the machine trusts, as Debian's own Node does: a network may have an authority of its own.
  const npm =
    await run`PATH=${bin}:$PATH NODE_USE_SYSTEM_CA=1 exec setpriv --pdeathsig KILL npm ${NPM_ARGUMENTS}`;
  signal.throwIfAborted();
  if (npm.exitCode !== 0) {
    throw new ToolError(
      `Could not install openclaw ${OPENCLAW_VERSION}: npm ci ended with ${npm.exitCode}. Run this again when the npm registry answers.\n${npm.stderr.trim()}`,
    );
  }
  const manifest = path.join(dir, 'node_modules', 'openclaw', 'package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version?: unknown };
  if (version !== OPENCLAW_VERSION || !existsSync(openclawEntry(dir))) {
    throw new ToolError(
      `npm installed openclaw ${version}, versions.ts wants ${OPENCLAW_VERSION}: the two pins in src/lab/tools disagree.`,
    );
  }
  const finish =
    await run`exec setpriv --pdeathsig KILL ${process.execPath} ${openclawEntry(dir)} ${FINISH_ARGUMENTS}`;
  signal.throwIfAborted();
  if (finish.exitCode !== 0 || existsSync(path.join(path.dirname(manifest), UNFINISHED))) {
    throw new ToolError(
      `openclaw ${OPENCLAW_VERSION} did not finish its installation: ${(finish.stderr || finish.stdout).trim()}`,
    );
  }
}

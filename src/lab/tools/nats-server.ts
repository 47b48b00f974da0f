import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { $, which } from 'zx';
import { ensureCacheEntry } from '#lib/cache-entry.ts';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { unpackDebianPackage } from './debian-package.ts';
import { NATS_SERVER_MINIMUM, NATS_SERVER_SUITES } from './versions.ts';

const BINARY = path.join('usr', 'sbin', 'nats-server');

/**
 * The path of a nats-server that is new enough: from the cache, else fetched from Debian into it (unpacked, not
 * installed, no service), else the one on PATH. Needs the network only the first time.
 */
export async function ensureNatsServer(
  cacheDir: string,
  signal: AbortSignal,
  onProgress: OnProgress = () => undefined,
): Promise<string> {
  const folder = path.join(cacheDir, 'nats-server');
  try {
    const entry = await ensureCacheEntry({
      folder,
      find: () => newestEntry(folder),
      make: (workDir) => fetchNatsServer(workDir, signal, onProgress),
      signal,
      onProgress,
    });
    return path.join(entry, BINARY);
  } catch (error) {
    signal.throwIfAborted();
    const installed = await installedNatsServer();
    if (installed) return installed;
    const wanted = NATS_SERVER_MINIMUM.join('.');
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new ToolError(
      `Could not get nats-server. ${reason}\nRun this again when the Debian mirror answers, or put a nats-server ${wanted} or newer on PATH.`,
      { cause: error },
    );
  }
}

/** True for versions that `versions.ts` allows; accepts what `nats-server -v` and Debian print. */
export function isNewEnough(version: string): boolean {
  const [major, minor] = NATS_SERVER_MINIMUM;
  const [, foundMajor, foundMinor] = /(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  if (foundMajor === undefined || foundMinor === undefined) return false;
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

async function newestEntry(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const newest = names
    .filter((name) => /^\d+\.\d+\.\d+\S*-[0-9a-f]{12}$/.test(name) && isNewEnough(name))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .find((name) => existsSync(path.join(folder, name, BINARY)));
  return newest && path.join(folder, newest);
}

async function fetchNatsServer(
  workDir: string,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<{ name: string; contents: string }> {
  const failures: string[] = [];
  for (const suite of NATS_SERVER_SUITES) {
    signal.throwIfAborted();
    onProgress(`fetching nats-server from Debian ${suite}`);
    try {
      const suiteDir = path.join(workDir, suite);
      await mkdir(suiteDir);
      const unpacked = await unpackDebianPackage({ name: 'nats-server', suite, workDir: suiteDir, signal });
      const printed = await $({ signal, quiet: true })`${path.join(unpacked.root, BINARY)} -v`;
      if (!isNewEnough(printed.stdout)) throw new ToolError(`Debian ${suite} has ${printed.stdout.trim()}.`);
      const upstream = unpacked.version.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
      return {
        name: `${upstream}-${unpacked.sha256.slice(0, 12)}`,
        contents: path.relative(workDir, unpacked.root),
      };
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new ToolError([...new Set(failures)].join('\n'));
}

async function installedNatsServer(): Promise<string | undefined> {
  const found = await which('nats-server', { nothrow: true });
  if (!found) return undefined;
  const printed = await $({ quiet: true, nothrow: true })`${found} -v`;
  return isNewEnough(printed.stdout) ? found : undefined;
}

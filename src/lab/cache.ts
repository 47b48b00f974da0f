import { existsSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/** What Olympus keeps in its cache. Nothing else there is ours, wherever OLYMPUS_CACHE_DIR points. */
const ENTRIES = [
  'compile',
  'images',
  'logs',
  'nats-server',
  'node',
  'openclaw',
  'production-modules',
  'releases',
];

/** Removes everything of ours from the cache, and the folder itself when nothing else is in it; whether there was any. */
export function purgeCache(cacheDir: string): boolean {
  const found = ENTRIES.map((name) => path.join(cacheDir, name)).filter((entry) => existsSync(entry));
  for (const entry of found) rmSync(entry, { recursive: true, force: true });
  try {
    rmdirSync(cacheDir);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
  return found.length > 0;
}

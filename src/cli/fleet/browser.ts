import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Settings } from '../settings.ts';

/**
 * Opens `url` in the person's browser; undefined where there is no screen. The URL may hold a login, which must not
 * show in a list of processes: the browser is given a file of ours, which goes there. Disposing removes the file.
 */
export function openBrowser(url: string, { stateDir, env }: Settings): Disposable | undefined {
  if (!env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return undefined;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const dir = mkdtempSync(path.join(stateDir, 'browser-'));
  const page = path.join(dir, 'open.html');
  const target = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  writeFileSync(page, `<!doctype html><meta http-equiv="refresh" content="0; url=${target}">\n`, {
    mode: 0o600,
  });
  const child = spawn('xdg-open', [page], { stdio: 'ignore', detached: true });
  // Without xdg-open the person opens the printed URL.
  child.once('error', () => undefined);
  child.unref();
  return { [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

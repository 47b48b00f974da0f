import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { choosePort } from '#lab/local/ports.ts';
import { unpackDebianPackage } from '#lab/tools/debian-package.ts';
import { ensureCacheEntry } from '#lib/cache-entry.ts';
import { cacheDirectory } from '#lib/config.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

/** The server and the libraries that a machine without it may lack; unpacked, never installed. */
const PACKAGES = ['redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'];

/** A Redis that keeps an append-only file, synced every second: what BullMQ's own guide asks for. */
export async function startRedis(): Promise<{ readonly port: number } & AsyncDisposable> {
  const root = await unpackedRedis(AbortSignal.timeout(300_000));
  const dir = await tempDir('redis');
  const port = await choosePort(0);
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: dir.path,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const libraries = path.join(root, 'usr/lib/x86_64-linux-gnu');
  // The one binary is a server when it is called like one.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', path.join(root, 'usr/bin/redis-server'), ...flags], {
    env: { LD_LIBRARY_PATH: libraries },
    stdio: 'ignore',
  });
  await waitFor('redis-server to listen', async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } finally {
      socket.destroy();
    }
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function unpackedRedis(signal: AbortSignal): Promise<string> {
  const folder = path.join(cacheDirectory(process.env), 'redis');
  const suite =
    /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
  return ensureCacheEntry({
    folder,
    find: async () => {
      const [found] = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(suite));
      return found && path.join(folder, found);
    },
    make: async (workDir) => {
      const together = path.join(workDir, 'together');
      let version = '';
      for (const name of PACKAGES) {
        const own = path.join(workDir, name);
        await mkdir(own);
        const unpacked = await unpackDebianPackage({ name, suite, workDir: own, signal });
        if (name === 'redis-tools') version = unpacked.version.replaceAll(/[^\w.-]/g, '_');
        await cp(unpacked.root, together, { recursive: true, verbatimSymlinks: true });
      }
      await cp(path.join(together, 'usr/bin/redis-check-rdb'), path.join(together, 'usr/bin/redis-server'));
      return { name: `${suite}-${version}`, contents: 'together' };
    },
    signal,
    onProgress: () => undefined,
  });
}

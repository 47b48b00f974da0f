import { execFile } from 'node:child_process';
import { chmod, mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { prepareGateway } from '#lab/local/gateway.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { systemClock } from '#lib/clock.ts';
import { cacheDirectory } from '#lib/config.ts';
import { createLogger } from '#lib/log.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { waitFor } from '#test/wait.ts';
import { type SshServer, startSshServer } from './ssh-server.ts';

const run = promisify(execFile);
const PORT = 18_789;

/** An agent's machine as far as its dashboard goes: sshd and a real gateway in a network of their own. */
export interface GatewayMachine extends AsyncDisposable {
  readonly server: SshServer;
  /** The ProxyCommand that leads into its network. */
  readonly proxyCommand: string;
  /** Ends the gateway and keeps it down. */
  halt(): Promise<void>;
}

/** Starts one; needs root for the network namespace. It takes half a minute and 1 GB. */
export async function startGatewayMachine(stateDir: string, name: string): Promise<GatewayMachine> {
  const namespace = `olympus-test-${process.pid}`;
  // Something has to be there to be mounted over.
  const made = await mkdir('/data', { recursive: true });
  const leaveNoDataDir = async (): Promise<void> => (made === undefined ? undefined : rmdir(made));
  const inside = ['ip', 'netns', 'exec', namespace];
  await run('ip', ['netns', 'add', namespace]);
  try {
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    const dir = path.join(stateDir, 'machine');
    const openclaw = await ensureOpenclaw(cacheDirectory(process.env), AbortSignal.timeout(600_000));
    const gateway = await prepareGateway({
      agent: name,
      agentDir: await emptyDir(path.join(dir, 'agent')),
      dir: path.join(dir, 'openclaw'),
      port: PORT,
      entry: openclawEntry(openclaw),
      node: await script(path.join(dir, 'node'), `exec ${inside.join(' ')} ${process.execPath} "$@"`),
      modelUrl: 'http://127.0.0.1:9',
      modelKey: 'none',
      concurrency: 2,
      runTimeoutSeconds: 60,
      log: createLogger({ name: 'test-gateway', level: 'silent' }),
      clock: systemClock,
    });
    const bin = path.join(dir, 'bin');
    // There is one user here; on a machine it is another who runs the gateway.
    await script(path.join(bin, 'sudo'), 'shift 3; exec "$@"');
    const layout = [
      'mount -t tmpfs tmpfs /opt && mount -t tmpfs tmpfs /data',
      'mkdir -p /opt/olympus/node/bin /data/openclaw',
      `ln -s ${process.execPath} /opt/olympus/node/bin/node`,
      `ln -s ${openclaw} /opt/olympus/openclaw`,
      `ln -s ${dir}/openclaw/state /data/openclaw/state`,
      'exec "$@"',
    ].join(' && ');
    gateway.process.spawn();
    const server = await startSshServer(stateDir, name, {
      prefix: [...inside, 'sh', '-c', layout, 'sh'],
      port: 22,
      programs: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
    });
    const ask = `fetch('http://127.0.0.1:${PORT}/readyz').then(({ ok }) => process.exit(ok ? 0 : 1))`;
    await waitFor('the gateway', () => run('ip', [...inside.slice(1), process.execPath, '-e', ask]), {
      timeoutMs: 120_000,
      everyMs: 500,
    });
    return {
      server,
      proxyCommand: `${inside.join(' ')} nc -N %h %p`,
      halt: () => gateway.process.halt(),
      async [Symbol.asyncDispose]() {
        noteForFailure(gateway.process.name, gateway.process.logTail(40));
        await gateway.process.halt();
        await server[Symbol.asyncDispose]();
        await run('ip', ['netns', 'delete', namespace]);
        await leaveNoDataDir();
      },
    };
  } catch (error) {
    await run('ip', ['netns', 'delete', namespace]);
    await leaveNoDataDir();
    throw error;
  }
}

async function emptyDir(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  return dir;
}

async function script(file: string, text: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return file;
}

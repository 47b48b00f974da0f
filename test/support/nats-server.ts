import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { ensureNatsServer } from '#lab/tools/nats-server.ts';
import { cacheDirectory } from '#lib/config.ts';
import { noteForFailure } from './failure-notes.ts';
import { tempDir } from './temp-dir.ts';
import { waitFor } from './wait.ts';

export interface NatsServerOptions {
  /** More server configuration (accounts, authorization, limits); address, port and the store stay ours. */
  readonly config?: string;
  /** Default: a folder of its own, removed at the end. */
  readonly storeDir?: string;
  /** Default: a free one. */
  readonly port?: number;
}

/** A real nats-server on the loopback interface with JetStream, which a test may kill and bring back. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  readonly storeDir: string;
  readonly logFile: string;
  /** Sends the signal and resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Sends the signal, and waits for nothing. */
  signal(signal: NodeJS.Signals): void;
  /** Starts it again on the same port and store; kills it first, with SIGKILL, if it still runs. */
  restart(): Promise<void>;
  /** Its configuration; `write` replaces what was given at the start, and tells the running server nothing. */
  readonly configFile: string;
  write(config: string): Promise<void>;
  /** Replaces the configuration given at the start, and resolves when the running server has taken it up. */
  reload(config: string): Promise<void>;
}

/** Starts a nats-server and resolves when it greets clients. Dispose it to stop it. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = await natsServerBinary();
  const dir = await tempDir('nats');
  const storeDir = options.storeDir ?? path.join(dir.path, 'store');
  const files = { config: path.join(dir.path, 'nats.conf'), log: path.join(dir.path, 'nats.log') };
  await writeFile(files.config, render(options.config ?? '', storeDir));

  let port = options.port ?? -1;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const flags = ['-c', files.config, '-a', '127.0.0.1', '-p', String(port), '-l', files.log];
    // The server dies with the test process, even when that is killed.
    const command = ['--pdeathsig', 'KILL', binary, ...flags, '--ports_file_dir', dir.path];
    await using log = await open(files.log, 'a'); // what it says before it reads `-l` belongs there too
    const started = spawn('setpriv', command, { stdio: ['ignore', 'ignore', log.fd] });
    child = started;
    const greeted = await waitFor(
      'nats-server to greet',
      async () =>
        hasEnded(started) || (await greetingPort(path.join(dir.path, `nats-server_${started.pid}.ports`))),
      { timeoutMs: 20_000, everyMs: 10 },
    ).catch(() => true as const);
    if (greeted === true) {
      await kill();
      throw new Error(`nats-server did not start. Its log:\n${await tail(files.log)}`);
    }
    port = greeted;
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!child || hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  await start().catch(async (error: unknown) => {
    await dir[Symbol.asyncDispose]();
    throw error;
  });

  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    logFile: files.log,
    configFile: files.config,
    write: (config) => writeFile(files.config, render(config, storeDir)),
    get pid() {
      return child?.pid ?? 0;
    },
    kill,
    signal(signal) {
      child?.kill(signal);
    },
    async restart() {
      await kill();
      await start();
    },
    async reload(config) {
      const before = reloads(await readFile(files.log, 'utf8'));
      await writeFile(files.config, render(config, storeDir));
      child?.kill('SIGHUP');
      await waitFor('nats-server to reload', async () => reloads(await readFile(files.log, 'utf8')) > before);
      const log = await tail(files.log, 3);
      if (log.includes('Failed to reload')) throw new Error(`nats-server refused the configuration:\n${log}`);
    },
    async [Symbol.asyncDispose]() {
      await kill('SIGTERM');
      noteForFailure(`nats-server on port ${port}`, await tail(files.log));
      await dir[Symbol.asyncDispose]();
    },
  };
}

let binaryPath: Promise<string> | undefined;

/** From the cache, where `npm run setup` puts it; asked once for the whole run. */
function natsServerBinary(): Promise<string> {
  binaryPath ??= ensureNatsServer(cacheDirectory(process.env), AbortSignal.timeout(120_000));
  return binaryPath;
}

function render(config: string, storeDir: string): string {
  return `${config}\njetstream { store_dir: ${JSON.stringify(storeDir)}, sync_interval: always }\n`;
}

/** The port of a server that has sent its greeting; throws until then. */
async function greetingPort(portsFile: string): Promise<number> {
  const text = await readFile(portsFile, 'utf8');
  const ports = JSON.parse(text) as { nats: string[] };
  const port = Number(new URL(ports.nats[0] ?? '').port);
  const socket = connect({ host: '127.0.0.1', port });
  try {
    const [greeting] = (await once(socket, 'data', { signal: AbortSignal.timeout(1000) })) as [Buffer];
    if (!greeting.toString('utf8').startsWith('INFO ')) throw new Error(`it greeted with ${greeting}`);
    return port;
  } finally {
    socket.destroy();
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function reloads(log: string): number {
  return log.match(/Reloaded server configuration|Failed to reload/g)?.length ?? 0;
}

async function tail(file: string, lines = 60): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '(no log)');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

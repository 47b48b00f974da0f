import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import {
  agentSettingsPath,
  type GatewayConfigOptions,
  renderAgentSettings,
  renderGatewayConfig,
} from '#integrations/openclaw/config.ts';
import { gatewayEnvironment } from '#integrations/openclaw/environment.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { cacheDirectory } from '#lib/config.ts';
import { newNonce } from '#lib/id.ts';
import { noteForFailure } from './failure-notes.ts';
import { waitFor } from './wait.ts';

export interface GatewayOptions {
  readonly agent: string;
  /** Of the model provider, without `/v1`. */
  readonly modelUrl: string;
  /** A folder of the test's own; everything the gateway writes goes there. */
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly modelKey?: string;
  readonly config?: Partial<GatewayConfigOptions>;
}

/** A real OpenClaw gateway on the loopback interface, which a test may kill and bring back. */
export interface Gateway extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly tokenFile: string;
  readonly stateDir: string;
  readonly workspaceDir: string;
  readonly logFile: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** Starts it again on the same port and state; resolves when it is ready. */
  start(): Promise<void>;
  /** Lets it drain and end. */
  stop(): Promise<void>;
  /** Signals the gateway with its helper processes, and resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Runs the `openclaw` command in the gateway's environment; resolves to what it printed. */
  cli(...args: string[]): Promise<{ exitCode: number; stdout: string }>;
}

const READY_TIMEOUT_MS = 60_000;

/** Renders the configuration, starts a gateway and resolves when `/readyz` says so. It takes 6 to 20 s and 1 GB. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const entry = openclawEntry(await openclawFolder());
  const { dir, agent, modelUrl, modelKey = 'sk-test-model-key' } = options;
  const port = options.port ?? (await freePort());
  const token = newNonce() + newNonce();
  const at = (name: string): string => path.join(dir, name);
  const files = { token: at('secrets/gateway-token'), key: at('secrets/model-key'), log: at('gateway.log') };
  const stateDir = at('state');
  const workspaceDir = at('workspace');
  const settings = agentSettingsPath(stateDir);
  for (const folder of [stateDir, workspaceDir, at('secrets'), path.dirname(settings)]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  const config = renderGatewayConfig({
    agentName: agent,
    workspaceDir,
    stateDir,
    port,
    gatewayTokenFile: files.token,
    modelKeyFile: files.key,
    modelBaseUrl: `${modelUrl}/v1`,
    modelApi: 'openai-completions',
    modelId: 'standin-1',
    modelCost: { input: 1, output: 2, cacheRead: 0.1, cacheWrite: 0 },
    ...options.config,
  });
  const configPath = path.join(stateDir, 'openclaw.json');
  const contents = [
    [files.token, token],
    [files.key, modelKey],
    [configPath, JSON.stringify(config)],
    [settings, JSON.stringify(renderAgentSettings({ maxRetries: 1 }))],
  ] as const;
  for (const [file, text] of contents) await writeFile(file, text, { mode: 0o600 });
  const env = gatewayEnvironment({ homeDir: dir, stateDir, configPath, path: process.env['PATH'] ?? '' });
  const url = `http://127.0.0.1:${port}`;

  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = await open(files.log, 'a');
    // Its own process group, because it has helpers; it dies with the test process, even when that is killed.
    const flags = ['--pdeathsig', 'KILL', process.execPath, entry, 'gateway', 'run'];
    const started = spawn('setpriv', flags, { env, detached: true, stdio: ['ignore', log.fd, log.fd] });
    child = started;
    await log.close();
    try {
      await waitFor('the gateway to be ready', () => isReady(url, started), {
        timeoutMs: READY_TIMEOUT_MS,
        everyMs: 100,
      });
    } catch (error) {
      await kill();
      throw new Error(`The gateway did not start; its log, ${files.log}:\n${await tail(files.log)}`, {
        cause: error,
      });
    }
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!child?.pid || hasEnded(child)) return;
    const exited = once(child, 'exit');
    // SIGTERM goes to the gateway alone, as systemd does with KillMode=mixed: it ends its helpers itself.
    process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
    await exited;
  }

  await start();

  return {
    url,
    token,
    tokenFile: files.token,
    stateDir,
    workspaceDir,
    logFile: files.log,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    stop: () => kill('SIGTERM'),
    kill,
    cli: (...args) => runCli([entry, ...args], env),
    async [Symbol.asyncDispose]() {
      await kill();
      noteForFailure(`OpenClaw gateway of ${agent}, ${files.log}`, await tail(files.log));
    },
  };
}

let folder: Promise<string> | undefined;

/** From the cache, where `npm run setup` puts it; asked once for the whole run. */
function openclawFolder(): Promise<string> {
  folder ??= ensureOpenclaw(cacheDirectory(process.env), AbortSignal.timeout(600_000));
  return folder;
}

async function isReady(url: string, child: ChildProcess): Promise<boolean> {
  if (hasEnded(child)) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
  const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(2_000) });
  return response.ok;
}

async function runCli(args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await once(child, 'close');
  return { exitCode: child.exitCode ?? -1, stdout };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

async function tail(file: string, lines = 40): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '(no log)');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

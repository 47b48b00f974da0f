import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newUserKey } from '#integrations/nats/keys.ts';
import { renderServerConfig } from '#integrations/nats/server-config.ts';
import { choosePort } from '#lab/local/ports.ts';
import { newNonce } from '#lib/id.ts';
import { BusClient } from './bus-matrix/client.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';
import { startProgram } from './program.ts';
import { tempDir } from './temp-dir.ts';
import { waitFor } from './wait.ts';

const MAIN = path.resolve(import.meta.dirname, '../../src/control/main.ts');

/** A control plane as a process beside a real nats-server, and keys for agents that a test plays itself. */
export interface ControlOnBus extends AsyncDisposable {
  readonly nats: NatsServer;
  readonly stateDir: string;
  readonly url: string;
  readonly token: string;
  connect(who: string): Promise<BusClient>;
  api<T>(method: 'GET' | 'POST', route: string, body?: unknown): Promise<{ status: number; body: T }>;
  /** Ends control with SIGKILL; it is gone when this resolves. */
  kill(): Promise<void>;
  /** Ends control as systemd does, and resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Starts it again, with other settings where some are given. */
  start(settings?: Readonly<Record<string, string>>): Promise<void>;
}

export async function startControlOnBus(
  fleet: string,
  agents: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<ControlOnBus> {
  const dir = await tempDir('control');
  const keys = Object.fromEntries(['control', 'knight', ...agents].map((name) => [name, newUserKey()]));
  const keyOf = (name: string) => {
    const key = keys[name];
    if (!key) throw new Error(`${name} has no key here`);
    return key;
  };
  const config = renderServerConfig({
    fleet,
    listen: '127.0.0.1:0',
    storeDir: '/unused', // the test's server has its own
    controlKey: keyOf('control').publicKey,
    knightKey: keyOf('knight').publicKey,
    agentKeys: Object.fromEntries(agents.map((name) => [name, keyOf(name).publicKey])),
  });
  const nats = await startNatsServer({ config });
  const token = newNonce();
  const port = await choosePort(0);
  const url = `http://127.0.0.1:${port}`;
  const files = { seed: path.join(dir.path, 'seed'), token: path.join(dir.path, 'token') };
  await writeFile(files.seed, keyOf('control').seed, { mode: 0o600 });
  await writeFile(files.token, token, { mode: 0o600 });
  const stateDir = path.join(dir.path, 'state');
  await mkdir(path.join(stateDir, 'logs'), { recursive: true, mode: 0o700 });
  let program: ReturnType<typeof startProgram> | undefined;

  async function start(others: Readonly<Record<string, string>> = {}): Promise<void> {
    program = startProgram(MAIN, {
      env: {
        OLYMPUS_FLEET: fleet,
        OLYMPUS_STATE_DIR: stateDir,
        OLYMPUS_NATS_URL: nats.url,
        OLYMPUS_NATS_SEED_FILE: files.seed,
        OLYMPUS_API_TOKEN_FILE: files.token,
        OLYMPUS_API_PORT: String(port),
        ...settings,
        ...others,
      },
    });
    await waitFor('control to be ready', async () => (await fetch(`${url}/healthz`)).ok, {
      timeoutMs: 60_000,
    });
  }

  async function kill(): Promise<void> {
    await program?.[Symbol.asyncDispose]();
  }

  async function stop(): Promise<number | null> {
    const child = program?.child;
    if (!child) return null;
    const ended = once(child, 'exit') as Promise<[number | null]>;
    child.kill('SIGTERM');
    return (await ended)[0];
  }

  await start();
  return {
    nats,
    stateDir,
    url,
    token,
    start,
    kill,
    stop,
    connect: (who) =>
      BusClient.connect(nats.url, keyOf(who).seed, who === 'control' ? undefined : `_INBOX_${who}`),
    async api<T>(method: 'GET' | 'POST', route: string, body?: unknown) {
      const response = await fetch(`${url}${route}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      });
      return { status: response.status, body: (await response.json()) as T };
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await nats[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { GatewayConfigOptions } from '#integrations/openclaw/config.ts';
import { prepareGateway } from '#lab/local/gateway.ts';
import { choosePort } from '#lab/local/ports.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { systemClock } from '#lib/clock.ts';
import { cacheDirectory } from '#lib/config.ts';
import { createLogger } from '#lib/log.ts';
import { noteForFailure } from './failure-notes.ts';

export interface GatewayOptions {
  readonly agent: string;
  /** Of the model provider, without `/v1`. */
  readonly modelUrl: string;
  readonly modelKey: string;
  /** A folder of the test's own; everything the gateway writes goes there. */
  readonly dir: string;
  readonly config?: Partial<GatewayConfigOptions>;
}

/** A real OpenClaw gateway on the loopback interface, set up as in a local fleet, which a test may end and bring back. */
export interface Gateway extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly workspaceDir: string;
  /** Starts it again on the same port and state; resolves when it is ready. */
  start(): Promise<void>;
  /** Lets it drain and end. */
  stop(): Promise<void>;
  /** SIGKILL for the gateway and its helpers; resolves when it is gone. Nothing brings it back but `start`. */
  kill(): Promise<void>;
  /** Runs the `openclaw` command in the gateway's environment; resolves to what it printed. */
  cli(...args: string[]): Promise<{ exitCode: number; stdout: string }>;
}

/** Starts a gateway whose agent has no persona yet, and resolves when it is ready. It takes 6 to 20 s and 1 GB. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const cache = cacheDirectory(process.env);
  const entry = openclawEntry(await ensureOpenclaw(cache, AbortSignal.timeout(600_000)));
  const agentDir = path.join(options.dir, 'agent');
  await mkdir(agentDir, { recursive: true });
  const gateway = await prepareGateway({
    agent: options.agent,
    agentDir,
    dir: path.join(options.dir, 'openclaw'),
    port: await choosePort(0),
    entry,
    node: process.execPath,
    modelUrl: options.modelUrl,
    modelKey: options.modelKey,
    concurrency: 2,
    runTimeoutSeconds: 1_800,
    config: { modelCost: { input: 1, output: 2, cacheRead: 0.1, cacheWrite: 0 }, ...options.config },
    // A provider that fails is asked once more, so that a test of it stays short.
    retry: { maxRetries: 1 },
    log: createLogger({ name: 'test-gateway', level: 'silent' }),
    clock: systemClock,
  });
  const part = gateway.process;
  const dispose = async (): Promise<void> => {
    await part.halt();
    noteForFailure(part.name, part.logTail(40));
  };
  const start = (): Promise<void> => part.start(AbortSignal.timeout(120_000));
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url: gateway.url,
    token: (await readFile(gateway.tokenFile, 'utf8')).trim(),
    workspaceDir: gateway.workspaceDir,
    start,
    stop: () => part.stop(),
    kill: () => part.halt(),
    cli: (...args) => runCli([entry, ...args], gateway.env),
    [Symbol.asyncDispose]: dispose,
  };
}

async function runCli(args: string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await once(child, 'close');
  return { exitCode: child.exitCode ?? -1, stdout };
}

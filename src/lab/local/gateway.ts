import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  agentSettingsPath,
  type GatewayConfigOptions,
  type ProviderRetryOptions,
  renderAgentSettings,
  renderGatewayConfig,
} from '#integrations/openclaw/config.ts';
import { gatewayEnvironment } from '#integrations/openclaw/environment.ts';
import { materializeWorkspace } from '#integrations/openclaw/workspace.ts';
import type { Clock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import { answersOk } from './answers.ts';
import { ProcessPart } from './process-part.ts';
import { ensureSecret, writePrivateFile } from './secrets.ts';

export interface GatewayOptions {
  readonly agent: string;
  /** `agents/<name>`: the persona. */
  readonly agentDir: string;
  /** Where this gateway keeps everything of its own. */
  readonly dir: string;
  readonly port: number;
  /** The OpenClaw entry file and the Node that runs it. */
  readonly entry: string;
  readonly node: string;
  readonly modelUrl: string;
  readonly modelKey: string;
  readonly concurrency: number;
  readonly runTimeoutSeconds: number;
  /** What this gateway has otherwise than every local one. */
  readonly config?: Partial<GatewayConfigOptions>;
  readonly retry?: ProviderRetryOptions;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface Gateway {
  readonly process: ProcessPart;
  readonly url: string;
  readonly tokenFile: string;
  readonly workspaceDir: string;
  /** The environment of its process; with it the `openclaw` command finds this gateway. */
  readonly env: Readonly<Record<string, string>>;
}

/** Writes the configuration of one agent's OpenClaw gateway and returns it, not started. May run twice. */
export async function prepareGateway(options: GatewayOptions): Promise<Gateway> {
  const { agent, dir, port, log, clock } = options;
  const stateDir = path.join(dir, 'state');
  const workspaceDir = path.join(dir, 'workspace');
  const secrets = {
    token: path.join(dir, 'secrets', 'gateway-token'),
    key: path.join(dir, 'secrets', 'model-key'),
  };
  for (const each of [dir, stateDir]) {
    mkdirSync(each, { recursive: true });
    chmodSync(each, 0o700);
  }
  ensureSecret(secrets.token, newNonce);
  writePrivateFile(secrets.key, `${options.modelKey}\n`);
  await materializeWorkspace(options.agentDir, workspaceDir);

  const configPath = path.join(dir, 'openclaw.json');
  const config = renderGatewayConfig({
    agentName: agent,
    workspaceDir,
    stateDir,
    packageDir: path.dirname(options.entry),
    port,
    gatewayTokenFile: secrets.token,
    modelKeyFile: secrets.key,
    modelBaseUrl: `${options.modelUrl}/v1`,
    modelApi: 'openai-completions',
    modelId: 'scripted-1',
    runTimeoutSeconds: options.runTimeoutSeconds,
    concurrency: options.concurrency,
    ...options.config,
  });
  writePrivateFile(configPath, `${JSON.stringify(config, undefined, 2)}\n`);
  const settings = agentSettingsPath(stateDir);
  mkdirSync(path.dirname(settings), { recursive: true, mode: 0o700 });
  writeFileSync(settings, JSON.stringify(renderAgentSettings(options.retry)), { mode: 0o600 });

  const url = `http://127.0.0.1:${port}`;
  const env = gatewayEnvironment({
    homeDir: dir,
    stateDir,
    configPath,
    path: '/usr/local/bin:/usr/bin:/bin',
  });
  const process = new ProcessPart({
    name: `gateway ${agent}`,
    command: [options.node, options.entry, 'gateway', 'run'],
    env,
    logFile: path.join(dir, 'gateway.log'),
    ready: (signal) => answersOk(`${url}/readyz`, signal),
    readyTimeoutMs: 180_000,
    stopTimeoutMs: 10_000,
    log,
    clock,
  });
  return { process, url, tokenFile: secrets.token, workspaceDir, env };
}

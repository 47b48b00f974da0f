import path from 'node:path';
import type { Manifest } from '#core/manifest.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { type Gateway, prepareGateway } from './gateway.ts';
import type { ProcessPart } from './process-part.ts';

export interface LocalAgentOptions {
  readonly manifest: Manifest;
  readonly agentDir: string;
  readonly dir: string;
  readonly gatewayPort: number;
  readonly healthPort: number;
  readonly entry: string;
  readonly node: string;
  readonly modelUrl: string;
  readonly modelKey: string;
  /** Settings of the daemon that do not belong to this agent alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes the process of the daemon. */
  readonly run: (env: Readonly<Record<string, string>>, readyUrl: string) => ProcessPart;
  readonly log: Logger;
  readonly clock: Clock;
}

/** One agent on this machine: its gateway and its daemon. */
export interface LocalAgent {
  readonly gateway: Gateway;
  readonly daemon: ProcessPart;
  readonly healthUrl: string;
}

/** Writes what an agent needs and returns its two processes, not started. */
export async function prepareAgent(options: LocalAgentOptions): Promise<LocalAgent> {
  const { manifest, agentDir, dir, log, clock } = options;
  const gateway = await prepareGateway({
    agent: manifest.name,
    agentDir,
    dir: path.join(dir, 'openclaw'),
    port: options.gatewayPort,
    entry: options.entry,
    node: options.node,
    modelUrl: options.modelUrl,
    modelKey: options.modelKey,
    concurrency: manifest.limits.concurrency,
    runTimeoutSeconds: manifest.limits.run_timeout,
    log,
    clock,
  });
  const healthUrl = `http://127.0.0.1:${options.healthPort}`;
  const daemon = options.run(
    {
      ...options.env,
      OLYMPUS_AGENT: manifest.name,
      OLYMPUS_AGENT_DIR: agentDir,
      OLYMPUS_STATE_DIR: path.join(dir, 'olympusd'),
      OLYMPUS_OPENCLAW_URL: gateway.url,
      OLYMPUS_OPENCLAW_TOKEN_FILE: gateway.tokenFile,
      OLYMPUS_HEALTH_PORT: String(options.healthPort),
    },
    `${healthUrl}/readyz`,
  );
  return { gateway, daemon, healthUrl };
}

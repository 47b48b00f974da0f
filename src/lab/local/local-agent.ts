import { existsSync } from 'node:fs';
import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { readYaml } from '#lib/yaml.ts';
import { type Gateway, prepareGateway } from './gateway.ts';
import type { ProcessPart } from './process-part.ts';
import type { Site } from './site.ts';
import { IDLE_PROCESS_FLAGS } from './small-process.ts';

export interface LocalAgentOptions {
  readonly name: string;
  /** `agents/<name>`: manifest and persona. */
  readonly agentDir: string;
  /** Which of the fleet's agents it is: its usual ports are that many above the first one's. */
  readonly index: number;
  readonly openclawEntry: string;
  readonly model: { readonly url: string; readonly key: string };
  /** Settings of the daemon that do not belong to this agent alone. */
  readonly env: Readonly<Record<string, string>>;
}

/** One agent on this machine: its gateway and its daemon. */
export interface LocalAgent {
  readonly gateway: Gateway;
  readonly daemon: ProcessPart;
  readonly healthUrl: string;
}

/** Writes what an agent needs and returns its two processes, not started. */
export async function prepareAgent(site: Site, options: LocalAgentOptions): Promise<LocalAgent> {
  const { name, agentDir, index, model } = options;
  const manifest = readManifest(agentDir);
  const gateway = await prepareGateway({
    agent: name,
    agentDir,
    dir: site.at('agents', name, 'openclaw'),
    port: await site.port(18_789 + index),
    entry: options.openclawEntry,
    node: site.node,
    modelUrl: model.url,
    modelKey: model.key,
    concurrency: manifest.limits.concurrency,
    runTimeoutSeconds: manifest.limits.run_timeout,
    config: { execMode: manifest.exec },
    log: site.log,
    clock: site.clock,
  });
  const healthPort = await site.port(8080 + index);
  const healthUrl = `http://127.0.0.1:${healthPort}`;
  const daemon = site.process({
    name: `olympusd ${name}`,
    command: [site.node, ...IDLE_PROCESS_FLAGS, site.source('src/agent/main.ts')],
    env: {
      ...options.env,
      OLYMPUS_AGENT: name,
      OLYMPUS_AGENT_DIR: agentDir,
      OLYMPUS_STATE_DIR: site.at('agents', name, 'olympusd'),
      OLYMPUS_NATS_SEED_FILE: site.secretFile(`bus-${name}`),
      OLYMPUS_MATTERMOST_TOKEN_FILE: site.secretFile(`chat-${name}`),
      OLYMPUS_OPENCLAW_URL: gateway.url,
      OLYMPUS_OPENCLAW_TOKEN_FILE: gateway.tokenFile,
      OLYMPUS_API_TOKEN_FILE: site.secretFile(`api-${name}`),
      OLYMPUS_HEALTH_PORT: String(healthPort),
    },
    readyUrl: `${healthUrl}/readyz`,
  });
  return { gateway, daemon, healthUrl };
}

/** Reads an agent's manifest; the message of a missing one names the folder. */
function readManifest(agentDir: string): Manifest {
  const file = path.join(agentDir, 'agent.yml');
  if (!existsSync(file)) throw new Error(`there is no agent in ${agentDir}: agent.yml is missing`);
  return readYaml(file, Manifest);
}

import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { newUserKey, publicKeyOf } from '#integrations/nats/keys.ts';
import { renderServerConfig } from '#integrations/nats/server-config.ts';
import type { Clock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import { Lifecycle } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { readYaml } from '#lib/yaml.ts';
import { answersOk } from './answers.ts';
import { type LocalAgent, prepareAgent } from './local-agent.ts';
import { choosePort } from './ports.ts';
import { ProcessPart } from './process-part.ts';
import { ensureSecret, writePrivateFile } from './secrets.ts';
import { IDLE_PROCESS_FLAGS, SMALL_PROCESS_FLAGS, smallProcessEnv } from './small-process.ts';

export interface LocalFleetOptions {
  readonly stateDir: string;
  /** Where OpenClaw and nats-server are, from `lab/tools`. */
  readonly tools: { readonly natsServer: string; readonly openclawEntry: string };
  /** The checkout: `agents/` and `src/` are read from it. */
  readonly root: string;
  readonly agents: readonly string[];
  /** Where agents' folders are; default `<root>/agents`. */
  readonly agentsDir?: string;
  /** The usual ports where they are free; or any free ones. */
  readonly ports: 'usual' | 'any';
  /** More settings for the daemons and for control, as environment variables. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told the name of each process once it is ready. */
  readonly onStarted?: (name: string) => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A fleet as processes on one machine: real but for Mattermost and the model provider. Nothing runs yet. */
export interface LocalFleet {
  readonly lifecycle: Lifecycle;
  readonly mattermost: { readonly url: string; readonly adminUrl: string; readonly process: ProcessPart };
  readonly model: { readonly url: string; readonly adminUrl: string; readonly process: ProcessPart };
  readonly nats: { readonly url: string; readonly process: ProcessPart; readonly observerSeed: string };
  readonly control: { readonly url: string; readonly token: string; readonly process: ProcessPart };
  readonly agents: ReadonlyMap<string, LocalAgent>;
  /** The person: an ordinary account on the chat server. */
  readonly human: { readonly username: string; readonly token: string };
  /** What the CLI reads: addresses and tokens of this fleet, mode 0600. */
  readonly envFile: string;
}

export const FLEET = 'olympus';
const TEAM = 'olympus';

/** Writes everything a local fleet needs into `stateDir` (secrets once, configuration anew) and describes it. */
export async function prepareLocalFleet(options: LocalFleetOptions): Promise<LocalFleet> {
  const { stateDir, root, tools, log, clock } = options;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const at = (...names: string[]): string => path.join(stateDir, ...names);
  const secret = (name: string, make: () => string): string => ensureSecret(at('secrets', name), make);
  const port = (usual: number): Promise<number> => choosePort(options.ports === 'usual' ? usual : 0);
  const agentsDir = options.agentsDir ?? path.join(root, 'agents');
  const manifests = options.agents.map((name) => readManifest(path.join(agentsDir, name)));

  const node = process.execPath;
  const ports = {
    chat: await port(8065),
    chatAdmin: await port(8066),
    model: await port(11_500),
    modelAdmin: await port(11_501),
    nats: await port(4222),
    api: await port(8090),
  };
  const childEnv = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: stateDir,
    ...smallProcessEnv(at('compile-cache')),
  };
  const run = (
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    readyUrl: string,
  ): ProcessPart =>
    new ProcessPart({
      name,
      command: [node, ...args],
      env: { ...childEnv, ...env },
      logFile: at('logs', `${name.replaceAll(' ', '-')}.log`),
      ready: (signal) => answersOk(readyUrl, signal),
      readyTimeoutMs: 30_000,
      stopTimeoutMs: 15_000,
      log,
      clock,
    });

  const tokens = Object.fromEntries(options.agents.map((name) => [name, secret(`chat-${name}`, newNonce)]));
  const humanToken = secret('chat-human', newNonce);
  const seedFile = at('mattermost-seed.json');
  writePrivateFile(seedFile, JSON.stringify(chatSeed(tokens, humanToken)));
  const chatUrl = `http://127.0.0.1:${ports.chat}`;
  const mattermost = run(
    'mattermost',
    [
      path.join(root, 'src/standins/mattermost/main.ts'),
      ...['--port', String(ports.chat), '--admin-port', String(ports.chatAdmin), '--seed', seedFile],
    ],
    {},
    `${chatUrl}/api/v4/system/ping`,
  );

  const modelKey = secret('model-key', newNonce);
  const modelUrl = `http://127.0.0.1:${ports.model}`;
  const model = run(
    'model',
    [
      path.join(root, 'src/standins/model/main.ts'),
      ...['--port', String(ports.model), '--admin-port', String(ports.modelAdmin)],
      ...['--key-file', at('secrets', 'model-key')],
    ],
    {},
    `http://127.0.0.1:${ports.modelAdmin}/standin/requests`,
  );

  const seeds = Object.fromEntries(
    ['control', ...options.agents].map((name) => [name, secret(`bus-${name}`, () => newUserKey().seed)]),
  );
  const natsUrl = `nats://127.0.0.1:${ports.nats}`;
  const natsMonitor = await choosePort(0);
  const natsConfig = at('nats.conf');
  writePrivateFile(
    natsConfig,
    renderServerConfig({
      fleet: FLEET,
      listen: `127.0.0.1:${ports.nats}`,
      monitorListen: `127.0.0.1:${natsMonitor}`,
      storeDir: at('jetstream'),
      controlKey: publicKeyOf(seeds['control'] ?? ''),
      agentKeys: Object.fromEntries(options.agents.map((name) => [name, publicKeyOf(seeds[name] ?? '')])),
    }),
  );
  const nats = new ProcessPart({
    name: 'nats-server',
    command: [tools.natsServer, '-c', natsConfig],
    env: childEnv,
    logFile: at('logs', 'nats-server.log'),
    ready: (signal) => answersOk(`http://127.0.0.1:${natsMonitor}/healthz`, signal),
    readyTimeoutMs: 20_000,
    stopTimeoutMs: 10_000,
    log,
    clock,
  });

  const shared = { OLYMPUS_FLEET: FLEET, OLYMPUS_NATS_URL: natsUrl, ...options.settings };
  const apiToken = secret('api-token', newNonce);
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  const control = run(
    'control',
    [...SMALL_PROCESS_FLAGS, path.join(root, 'src/control/main.ts')],
    {
      ...shared,
      OLYMPUS_STATE_DIR: at('control'),
      OLYMPUS_NATS_SEED_FILE: at('secrets', 'bus-control'),
      OLYMPUS_API_TOKEN_FILE: at('secrets', 'api-token'),
      OLYMPUS_API_PORT: String(ports.api),
    },
    `${apiUrl}/healthz`,
  );

  const agents = new Map<string, LocalAgent>();
  for (const [index, manifest] of manifests.entries()) {
    const { name } = manifest;
    const agent = await prepareAgent({
      manifest,
      agentDir: path.join(agentsDir, name),
      dir: at('agents', name),
      gatewayPort: await port(18_789 + index),
      healthPort: await port(8080 + index),
      entry: tools.openclawEntry,
      node,
      modelUrl,
      modelKey,
      env: {
        ...shared,
        OLYMPUS_MATTERMOST_URL: chatUrl,
        OLYMPUS_MATTERMOST_TOKEN_FILE: at('secrets', `chat-${name}`),
        OLYMPUS_NATS_SEED_FILE: at('secrets', `bus-${name}`),
      },
      run: (env, readyUrl) =>
        run(`olympusd ${name}`, [...IDLE_PROCESS_FLAGS, path.join(root, 'src/agent/main.ts')], env, readyUrl),
      log,
      clock,
    });
    agents.set(name, agent);
  }

  const envFile = at('.env');
  writePrivateFile(
    envFile,
    [
      '# Addresses and tokens of this fleet, for the olympus command. Written anew at every start.',
      `OLYMPUS_API_URL=${apiUrl}`,
      `OLYMPUS_API_TOKEN=${apiToken}`,
      `OLYMPUS_MATTERMOST_URL=${chatUrl}`,
      `OLYMPUS_MATTERMOST_TOKEN=${humanToken}`,
      `OLYMPUS_MATTERMOST_TEAM=${TEAM}`,
      '',
    ].join('\n'),
  );

  const everyAgent = [...agents.values()];
  const lifecycle = new Lifecycle(
    [
      mattermost,
      model,
      nats,
      control,
      // One after another: two gateways starting at once on two cores starve each other.
      ...everyAgent.map((agent) => agent.gateway.process),
      ...everyAgent.map((agent) => agent.daemon),
    ],
    log,
    options.onStarted,
  );
  return {
    lifecycle,
    mattermost: { url: chatUrl, adminUrl: `http://127.0.0.1:${ports.chatAdmin}`, process: mattermost },
    model: { url: modelUrl, adminUrl: `http://127.0.0.1:${ports.modelAdmin}`, process: model },
    nats: { url: natsUrl, process: nats, observerSeed: seeds['control'] ?? '' },
    control: { url: apiUrl, token: apiToken, process: control },
    agents,
    human: { username: 'human', token: humanToken },
    envFile,
  };
}

/** Reads an agent's manifest; the message of a missing one names the folder. */
function readManifest(agentDir: string): Manifest {
  const file = path.join(agentDir, 'agent.yml');
  if (!existsSync(file)) throw new Error(`there is no agent in ${agentDir}: agent.yml is missing`);
  return readYaml(file, Manifest);
}

function chatSeed(tokens: Readonly<Record<string, string>>, humanToken: string) {
  return {
    team: { name: TEAM, displayName: 'Olympus' },
    users: [{ username: 'human', token: humanToken, displayName: 'A person' }],
    bots: Object.entries(tokens).map(([username, token]) => ({
      username,
      token,
      displayName: username,
      description: `agent ${username}`,
    })),
    channels: [{ name: 'leads', displayName: 'Leads', type: 'O' }],
  };
}

import path from 'node:path';
import { Lifecycle } from '#lib/lifecycle.ts';
import { HUMAN } from '../chat-seed.ts';
import { type LocalAgent, prepareAgent } from './local-agent.ts';
import { writePrivateFile } from './secrets.ts';
import {
  FLEET,
  type LocalBus,
  type LocalControl,
  type LocalStandin,
  prepareBus,
  prepareChat,
  prepareControl,
  prepareModel,
  TEAM,
} from './servers.ts';
import { Site, type SiteOptions } from './site.ts';

export interface LocalFleetOptions extends SiteOptions {
  /** Where OpenClaw and nats-server are, from `lab/tools`. */
  readonly tools: { readonly natsServer: string; readonly openclawEntry: string };
  readonly agents: readonly string[];
  /** Where agents' folders are; default `<root>/agents`. */
  readonly agentsDir?: string;
  /** More settings for the daemons and for control, as environment variables. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told the name of each process once it is ready. */
  readonly onStarted?: (name: string) => void;
}

/** A fleet as processes on one machine: real but for Mattermost and the model provider. Nothing runs yet. */
export interface LocalFleet {
  readonly lifecycle: Lifecycle;
  readonly mattermost: LocalStandin;
  readonly model: LocalStandin;
  readonly nats: LocalBus;
  readonly control: LocalControl;
  readonly agents: ReadonlyMap<string, LocalAgent>;
  /** The person: an ordinary account on the chat server. */
  readonly human: { readonly username: string; readonly token: string };
  /** What the CLI reads: addresses and tokens of this fleet, mode 0600. */
  readonly envFile: string;
}

/** Writes everything a local fleet needs into `stateDir` (secrets once, configuration anew) and describes it. */
export async function prepareLocalFleet(options: LocalFleetOptions): Promise<LocalFleet> {
  const { tools } = options;
  const site = new Site(options);
  const chat = await prepareChat(site, options.agents);
  const model = await prepareModel(site);
  const nats = await prepareBus(site, tools.natsServer, options.agents);
  const shared = { OLYMPUS_FLEET: FLEET, OLYMPUS_NATS_URL: nats.url, ...options.settings };
  const control = await prepareControl(site, options.agents, shared);
  const agents = new Map<string, LocalAgent>();
  for (const [index, name] of options.agents.entries()) {
    const agentDir = options.agentsDir ? path.join(options.agentsDir, name) : site.source('agents', name);
    const env = { ...shared, OLYMPUS_MATTERMOST_URL: chat.url, OLYMPUS_CONTROL_URL: control.url };
    const { openclawEntry } = tools;
    agents.set(name, await prepareAgent(site, { name, agentDir, index, openclawEntry, model, env }));
  }

  const everyAgent = [...agents.values()];
  const lifecycle = new Lifecycle(
    [
      chat.process,
      model.process,
      nats.process,
      control.process,
      // One after another: two gateways starting at once on two cores starve each other.
      ...everyAgent.map((agent) => agent.gateway.process),
      ...everyAgent.map((agent) => agent.daemon),
    ],
    options.log,
    options.onStarted,
  );
  return {
    lifecycle,
    mattermost: chat,
    model,
    nats,
    control,
    agents,
    human: { username: HUMAN, token: chat.humanToken },
    envFile: writeEnvFile(site, control, chat),
  };
}

function writeEnvFile(
  site: Site,
  control: LocalControl,
  chat: LocalStandin & { humanToken: string },
): string {
  const file = site.at('.env');
  const lines = [
    '# Addresses and tokens of this fleet, for the olympus command. Written anew at every start.',
    `OLYMPUS_API_URL=${control.url}`,
    `OLYMPUS_API_TOKEN=${control.token}`,
    `OLYMPUS_MATTERMOST_URL=${chat.url}`,
    `OLYMPUS_MATTERMOST_TOKEN=${chat.humanToken}`,
    `OLYMPUS_MATTERMOST_TEAM=${TEAM}`,
    '',
  ];
  writePrivateFile(file, lines.join('\n'));
  return file;
}

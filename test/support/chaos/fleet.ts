import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ProcessPart } from '#lab/local/process-part.ts';
import {
  FLEET,
  type LocalBus,
  type LocalControl,
  type LocalStandin,
  prepareBus,
  prepareChat,
  prepareControl,
} from '#lab/local/servers.ts';
import { Site } from '#lab/local/site.ts';
import { IDLE_PROCESS_FLAGS } from '#lab/local/small-process.ts';
import { ensureNatsServer } from '#lab/tools/nats-server.ts';
import { systemClock } from '#lib/clock.ts';
import { cacheDirectory } from '#lib/config.ts';
import { createLogger } from '#lib/log.ts';
import { Link } from './link.ts';

export interface ScriptedFleetOptions {
  /** Where everything of it is kept. */
  readonly dir: string;
  /** The checkout that its processes run from. */
  readonly root: string;
  /** Agents with a daemon. */
  readonly agents: readonly string[];
  readonly concurrency?: number;
  /** Agents that the caller plays itself: keys on the bus, no daemon. */
  readonly played?: readonly string[];
  /** More environment variables of control and the daemons. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The same, of `control` or of one agent. */
  readonly envOf?: (name: string) => Readonly<Record<string, string>>;
  /** Lines of an agent's manifest beside its name and limits. */
  readonly manifestOf?: (name: string) => string;
  /** Those of the agents that have an account in chat; there is a chat server where there is one. */
  readonly inChat?: readonly string[];
}

/** A process of ours, its state, and its way to nats-server. */
export interface ScriptedMember {
  readonly process: ProcessPart;
  readonly stateDir: string;
  readonly link: Link;
}

/** Control and daemons, as processes on a real nats-server, with a scripted harness outside of them, and chat where that is wanted. */
export interface ScriptedFleet extends AsyncDisposable {
  readonly chat: (LocalStandin & { readonly humanToken: string }) | undefined;
  readonly nats: LocalBus;
  readonly harness: LocalStandin & { readonly effectsFile: string };
  readonly control: ScriptedMember & Pick<LocalControl, 'url' | 'token'>;
  readonly agents: ReadonlyMap<string, ScriptedMember>;
  /** The key of a user of the bus: `control`, or an agent. */
  seedOf(name: string): string;
  start(): Promise<void>;
  /** Resolves when every process answers. */
  untilUp(): Promise<void>;
}

const UP_WITHIN_MS = 120_000;

/** Writes all that such a fleet needs; nothing of it runs before `start`. */
export async function prepareScriptedFleet(options: ScriptedFleetOptions): Promise<ScriptedFleet> {
  const { dir, root, agents, concurrency = 2, played = [], settings = {}, envOf = () => ({}) } = options;
  const { manifestOf = () => 'role: specialist\ndomains: [work]', inChat = [] } = options;
  const log = createLogger({ name: 'scripted-fleet', level: 'fatal' });
  const compileCache = process.env['NODE_COMPILE_CACHE'];
  const site = new Site({ stateDir: dir, root, ports: 'any', compileCache, log, clock: systemClock });
  const binary = await ensureNatsServer(cacheDirectory(process.env), AbortSignal.timeout(120_000));
  const nats = await prepareBus(site, binary, [...agents, ...played]);
  const natsPort = Number(new URL(nats.url).port);
  const harness = await prepareHarness(site);
  const chat = inChat.length > 0 ? await prepareChat(site, inChat) : undefined;
  const accountOf = (name: string): Record<string, string> =>
    chat && inChat.includes(name)
      ? { OLYMPUS_MATTERMOST_URL: chat.url, OLYMPUS_MATTERMOST_TOKEN_FILE: site.secretFile(`chat-${name}`) }
      : {};
  const shared = { OLYMPUS_FLEET: FLEET, OLYMPUS_HEARTBEAT_MS: '1000', ...settings };

  const controlLink = await Link.open(natsPort);
  const {
    url,
    token,
    process: controlProcess,
  } = await prepareControl(site, agents, {
    ...shared,
    ...envOf('control'),
    OLYMPUS_NATS_URL: `nats://127.0.0.1:${controlLink.port}`,
  });
  const control = { process: controlProcess, stateDir: site.at('control'), link: controlLink, url, token };
  const members = new Map<string, ScriptedMember>();
  for (const name of agents) {
    const link = await Link.open(natsPort);
    const env = {
      ...shared,
      ...accountOf(name),
      ...envOf(name),
      OLYMPUS_NATS_URL: `nats://127.0.0.1:${link.port}`,
      OLYMPUS_HARNESS_URL: harness.url,
      OLYMPUS_CONTROL_URL: url,
      OLYMPUS_API_TOKEN_FILE: site.secretFile(`api-${name}`),
    };
    const manifest = `name: ${name}\n${manifestOf(name)}\nlimits: { concurrency: ${concurrency}, run_timeout: 600 }\n`;
    members.set(name, { link, ...(await prepareDaemon(site, name, manifest, env)) });
  }

  const everyone = [control, ...members.values()];
  const servers = [nats.process, harness.process, ...(chat ? [chat.process] : [])];
  const processes = [...servers, ...everyone.map((member) => member.process)];
  // A machine that is busy with other work takes longer than a start may take; the processes are kept running meanwhile.
  const untilUp = async (): Promise<void> => {
    const givesUp = AbortSignal.timeout(UP_WITHIN_MS);
    for (const each of processes) {
      await each.untilReady(givesUp).catch(async (error) => {
        if (givesUp.aborted) throw error;
        await each.untilReady(givesUp);
      });
    }
  };
  return {
    nats,
    harness,
    chat,
    control,
    agents: members,
    seedOf: (name) => site.secret(`bus-${name}`, () => ''),
    async start() {
      nats.process.spawn();
      await nats.process.untilReady(AbortSignal.timeout(UP_WITHIN_MS));
      // All others at once: each waits by itself for those that it needs.
      for (const each of processes.slice(1)) each.spawn();
      await untilUp();
    },
    untilUp,
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map((each) => each.halt()));
      for (const { link } of everyone) await link[Symbol.asyncDispose]();
    },
  };
}

async function prepareHarness(site: Site): Promise<ScriptedFleet['harness']> {
  const [port, adminPort] = [await site.port(0), await site.port(0)];
  const url = `http://127.0.0.1:${port}`;
  const effectsFile = site.at('effects.jsonl');
  const process = site.process({
    name: 'harness',
    command: [
      site.node,
      path.resolve(import.meta.dirname, '../../../src/standins/harness/main.ts'),
      ...['--effects', effectsFile, '--port', String(port), '--admin-port', String(adminPort)],
    ],
    readyUrl: `${url}/readyz`,
  });
  return { url, adminUrl: `http://127.0.0.1:${adminPort}`, effectsFile, process };
}

async function prepareDaemon(
  site: Site,
  name: string,
  manifest: string,
  env: Readonly<Record<string, string>>,
): Promise<Pick<ScriptedMember, 'process' | 'stateDir'>> {
  const agentDir = site.at('agents', name);
  mkdirSync(agentDir, { recursive: true });
  writeFileSync(path.join(agentDir, 'agent.yml'), manifest);
  const stateDir = site.at('daemons', name);
  const healthPort = await site.port(0);
  const process = site.process({
    name: `olympusd ${name}`,
    command: [site.node, ...IDLE_PROCESS_FLAGS, site.source('src/agent/main.ts')],
    env: {
      OLYMPUS_HARNESS: 'scripted',
      ...env,
      OLYMPUS_AGENT: name,
      OLYMPUS_AGENT_DIR: agentDir,
      OLYMPUS_STATE_DIR: stateDir,
      OLYMPUS_NATS_SEED_FILE: site.secretFile(`bus-${name}`),
      OLYMPUS_HEALTH_PORT: String(healthPort),
    },
    readyUrl: `http://127.0.0.1:${healthPort}/readyz`,
  });
  return { process, stateDir };
}

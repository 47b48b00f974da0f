import { existsSync } from 'node:fs';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LocalAgent } from '#lab/local/local-agent.ts';
import { type LocalFleet, prepareLocalFleet } from '#lab/local/local-fleet.ts';
import { ensureNatsServer } from '#lab/tools/nats-server.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { systemClock } from '#lib/clock.ts';
import { cacheDirectory } from '#lib/config.ts';
import { createLogger } from '#lib/log.ts';
import { ControlSurface } from './control-surface.ts';
import { noteForFailure } from './failure-notes.ts';
import { Person } from './person.ts';
import { tempDir } from './temp-dir.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

export interface TestFleet extends LocalFleet, AsyncDisposable {
  readonly stateDir: string;
  /** Copies of `agents/`, which a test may change. */
  readonly agentsDir: string;
  readonly person: Person;
  /** Control surfaces of the stand-ins. */
  readonly chatFaults: ControlSurface;
  readonly modelScript: ControlSurface;
  /** The parts of one agent; throws for a name that is not in this fleet. */
  agent(name: string): LocalAgent;
  /** A GET of the control plane's API. */
  api<T>(route: string): Promise<T>;
}

export interface FleetOptions {
  readonly agents?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether people decide on commands, in every manifest. */
  readonly exec?: 'ask';
  /** Seconds a run may take, in every manifest. */
  readonly runTimeoutSeconds?: number;
}

/** Starts a whole fleet as processes, on free ports, and resolves when every part of it is ready. */
export async function startFleet(options: FleetOptions = {}): Promise<TestFleet> {
  const signal = AbortSignal.timeout(600_000);
  const cache = cacheDirectory(process.env);
  const dir = await tempDir('fleet');
  const agentsDir = path.join(dir.path, 'agents-source');
  await cp(path.join(ROOT, 'agents'), agentsDir, { recursive: true });
  const { runTimeoutSeconds, exec } = options;
  if (runTimeoutSeconds)
    await editManifests(agentsDir, (text) =>
      text.replace(/run_timeout: \d+/, `run_timeout: ${runTimeoutSeconds}`),
    );
  if (exec) await editManifests(agentsDir, (text) => `${text}exec: ${exec}\n`);
  const fleet = await prepareLocalFleet({
    stateDir: dir.path,
    root: ROOT,
    agentsDir,
    agents: options.agents ?? ['athena'],
    tools: {
      natsServer: await ensureNatsServer(cache, signal),
      openclawEntry: openclawEntry(await ensureOpenclaw(cache, signal)),
    },
    ports: 'any',
    compileCache: process.env['NODE_COMPILE_CACHE'],
    settings: {
      OLYMPUS_HEARTBEAT_MS: '1000',
      OLYMPUS_NOTICE_AFTER_MS: '2000',
      OLYMPUS_RETRY_SCALE: '0.1',
      // One person asks for all the tests.
      OLYMPUS_REQUESTS_PER_MINUTE: '1000',
      OLYMPUS_CHAT_PING_MS: '1000',
      OLYMPUS_LOG_LEVEL: 'debug',
      ...options.settings,
    },
    log: createLogger({ name: 'test-fleet', level: 'fatal' }),
    clock: systemClock,
  });
  const processes = [
    fleet.control.process,
    fleet.nats.process,
    ...[...fleet.agents.values()].flatMap((agent) => [agent.gateway.process, agent.daemon]),
  ];
  const note = (): void => {
    for (const each of processes) noteForFailure(each.name, each.logTail());
  };
  const dispose = async (): Promise<void> => {
    note();
    await fleet.lifecycle.stop(20_000);
    await dir[Symbol.asyncDispose]();
  };
  try {
    await fleet.lifecycle.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  const person = await Person.connect(fleet.mattermost.url, fleet.human.token);
  return {
    ...fleet,
    stateDir: dir.path,
    agentsDir,
    person,
    chatFaults: new ControlSurface(fleet.mattermost.adminUrl),
    modelScript: new ControlSurface(fleet.model.adminUrl),
    agent(name) {
      const agent = fleet.agents.get(name);
      if (!agent) throw new Error(`there is no ${name} in this fleet`);
      return agent;
    },
    async api<T>(route: string) {
      const response = await fetch(`${fleet.control.url}${route}`, {
        headers: { authorization: `Bearer ${fleet.control.token}` },
        signal: AbortSignal.timeout(10_000),
      });
      return (await response.json()) as T;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function editManifests(agentsDir: string, edit: (text: string) => string): Promise<void> {
  for (const name of await readdir(agentsDir)) {
    const file = path.join(agentsDir, name, 'agent.yml');
    if (!existsSync(file)) continue;
    await writeFile(file, edit(await readFile(file, 'utf8')));
  }
}

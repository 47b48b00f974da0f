import path from 'node:path';
import { parseArgs } from 'node:util';
import { type LocalFleet, prepareLocalFleet } from '#lab/local/local-fleet.ts';
import { ensureNatsServer } from '#lab/tools/nats-server.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { systemClock } from '#lib/clock.ts';
import { cacheDirectory, stateDirectory } from '#lib/config.ts';
import { createLogger } from '#lib/log.ts';

const HELP = `Usage: npm run dev [-- --agents athena,apollo] [-- --state-dir <dir>]

Brings up a fleet as processes on this machine, on 127.0.0.1 only, until Ctrl-C: nats-server, OpenClaw gateways,
olympus-control and olympusd as they are; Mattermost and the model provider as stand-ins. What they know is kept in
the state directory: the next start goes on with it.

  --agents <names>     folders of agents/, comma-separated (default athena); about 1 GB of memory each
  --state-dir <dir>    default: OLYMPUS_STATE_DIR, else ~/.olympus-dev/state
  --help               this text`;

const STEP_WIDTH = 16;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      agents: { type: 'string', default: 'athena' },
      'state-dir': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const interrupted = new AbortController();
  let fleet: LocalFleet | undefined;
  const leave = async (): Promise<void> => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort(new Error('interrupted'));
    console.log('\nStopping; once more to stop at once.');
    await fleet?.lifecycle.stop(30_000);
  };
  process.on('SIGINT', leave);
  process.on('SIGTERM', leave);
  const stateDir = path.resolve(
    values['state-dir'] ?? stateDirectory({ OLYMPUS_ENV: 'dev', ...process.env }),
  );
  const agents = values.agents.split(',').filter((name) => name !== '');
  const startedAt = performance.now();
  const onStarted = (name: string): void =>
    console.log(`  ${name.padEnd(STEP_WIDTH)} ready after ${seconds(startedAt)}`);
  try {
    fleet = await prepare(stateDir, agents, onStarted, interrupted.signal);
    await fleet.lifecycle.start();
    console.log(`  everything is ready after ${seconds(startedAt)}`);
    if (!interrupted.signal.aborted) explain(fleet, stateDir, agents);
  } catch (error) {
    if (interrupted.signal.aborted) return;
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    await fleet?.lifecycle.stop(10_000);
    process.exitCode = 1;
  }
}

async function prepare(
  stateDir: string,
  agents: readonly string[],
  onStarted: (name: string) => void,
  signal: AbortSignal,
): Promise<LocalFleet> {
  const cache = cacheDirectory(process.env);
  const say = (sentence: string): void => console.log(`  ${sentence} …`);
  const tools = {
    natsServer: await ensureNatsServer(cache, signal, say),
    openclawEntry: openclawEntry(await ensureOpenclaw(cache, signal, say)),
  };
  return prepareLocalFleet({
    stateDir,
    root: path.resolve(import.meta.dirname, '..'),
    agents,
    tools,
    ports: 'usual',
    onStarted,
    log: createLogger({ name: 'dev', level: 'warn' }),
    clock: systemClock,
  });
}

function explain(fleet: LocalFleet, stateDir: string, agents: readonly string[]): void {
  const isDefault = stateDir === stateDirectory({ OLYMPUS_ENV: 'dev' });
  const prefix = isDefault ? 'OLYMPUS_ENV=dev' : `OLYMPUS_STATE_DIR=${stateDir}`;
  console.log(`
The model is scripted: answers show that the path works, not that anybody thought.

  talk to an agent       ${prefix} ./olympus say "@${agents[0]} hello"
  look at the fleet      ${prefix} ./olympus status
  what is wrong?         ${prefix} ./olympus doctor
  the agent's dashboard  ${[...fleet.agents.values()][0]?.gateway.url} (token: ${[...fleet.agents.values()][0]?.gateway.tokenFile})
  logs                   ${path.join(stateDir, 'logs')}

Ctrl-C stops everything; the state stays in ${stateDir}.`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

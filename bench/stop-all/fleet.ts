import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { choosePort } from '#lab/local/ports.ts';
import { ProcessPart } from '#lab/local/process-part.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { prepareScriptedFleet, type ScriptedFleet } from '#test/chaos/fleet.ts';
import { ControlSurface } from '#test/control-surface.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const TOKEN = 'a-token-of-the-bench';
/** As the role `agent` sets it on machines that are not emulated. */
const TURN_STOP_MS = '10000';

/** Some agents whose turns end as they are told, one whose gateway wedges, and one whose daemon is to be frozen. */
export interface StopFleet extends AsyncDisposable {
  readonly fleet: ScriptedFleet;
  readonly plain: readonly string[];
  readonly wedged: string;
  readonly frozen: string;
  /** The runs whose turns the scripted harness has at work. */
  atWork(): Promise<ReadonlySet<string>>;
  /** Whether the gateway that wedges has a turn at work: that ends with its process. */
  wedgedAtWork(): boolean;
  api<T>(method: 'GET' | 'POST', route: string, body?: object): Promise<T>;
}

/** Starts all of it; the runs that it is asked for go on for ever. */
export async function startStopFleet(dir: string, plainCount: number, runs: number): Promise<StopFleet> {
  const plain = Array.from({ length: plainCount }, (_, index) => `plain-${index}`);
  const [wedged, frozen] = ['wedged', 'frozen'];
  const gateway = await prepareGateway(path.join(dir, 'gateway'));
  const fleet = await prepareScriptedFleet({
    dir,
    root: ROOT,
    agents: [...plain, wedged, frozen],
    concurrency: runs,
    settings: { OLYMPUS_REQUESTS_PER_MINUTE: '100000', OLYMPUS_LOG_LEVEL: 'warn' },
    envOf: (name) => (name === wedged ? gateway.env : {}),
  });
  await gateway.process.start(AbortSignal.timeout(60_000));
  await fleet.start();
  const harness = new ControlSurface(fleet.harness.adminUrl);
  await harness.post('script', { rules: [{ times: 1_000_000, behaviour: { neverEnds: true } }] });
  return {
    ...{ fleet, plain, wedged, frozen },
    async atWork() {
      const { turns } = await harness.get<{ turns: { runId: string; state: string }[] }>('turns');
      return new Set(turns.filter(({ state }) => state === 'running').map(({ runId }) => runId));
    },
    wedgedAtWork: () => gateway.running('turn'),
    async api<T>(method: 'GET' | 'POST', route: string, body?: object) {
      const response = await fetch(`${fleet.control.url}/v1/${route}`, {
        method,
        headers: {
          authorization: `Bearer ${fleet.control.token}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(30_000),
      });
      if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${await response.text()}`);
      return (await response.json()) as T;
    },
    async [Symbol.asyncDispose]() {
      await fleet[Symbol.asyncDispose]();
      await gateway.process.halt();
    },
  };
}

/** The gateway that wedges, kept running as systemd would, and a `systemctl` that kills it and waits until it is back. */
async function prepareGateway(dir: string) {
  mkdirSync(dir, { recursive: true });
  const port = await choosePort(0);
  writeFileSync(path.join(dir, 'token'), TOKEN, { mode: 0o600 });
  const systemctl = [
    '#!/bin/sh',
    `cd "${dir}"`,
    'case "$2" in',
    'show) printf "ActiveState=active\\nInvocationID=%s\\nControlGroup=\\n" "$(cat pid)";;',
    'kill) old=$(cat pid); rm pid; kill -KILL "$old";;',
    'restart) until [ -s pid ]; do sleep 0.05; done;;',
    'esac',
  ];
  writeFileSync(path.join(dir, 'systemctl'), `${systemctl.join('\n')}\n`, { mode: 0o755 });
  const url = `http://127.0.0.1:${port}`;
  const running = (name: string): boolean => isRunning(path.join(dir, name));
  return {
    running,
    env: {
      PATH: `${dir}:/usr/bin:/bin`,
      OLYMPUS_HARNESS: 'openclaw',
      OLYMPUS_OPENCLAW_URL: url,
      OLYMPUS_OPENCLAW_TOKEN_FILE: path.join(dir, 'token'),
      OLYMPUS_GATEWAY_UNIT: 'openclaw-gateway.service',
      OLYMPUS_TURN_STOP_MS: TURN_STOP_MS,
      // It has no model to be warmed up for.
      OLYMPUS_WARM_UP_MS: '200',
    },
    process: new ProcessPart({
      name: 'gateway',
      command: [
        process.execPath,
        path.join(import.meta.dirname, 'gateway-main.ts'),
        String(port),
        TOKEN,
        dir,
      ],
      env: {},
      logFile: path.join(dir, 'log'),
      ready: async () => running('pid'),
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 1_000,
      log: createLogger({ name: 'bench', level: 'fatal' }),
      clock: systemClock,
    }),
  };
}

/** Whether the process whose id is in this file runs. */
function isRunning(file: string): boolean {
  try {
    const status = readFileSync(`/proc/${readFileSync(file, 'utf8')}/status`, 'utf8');
    return !/^State:\s+Z/m.test(status);
  } catch {
    return false; // No such file, or no such process.
  }
}

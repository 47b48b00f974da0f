import { createConnection } from 'node:net';
import path from 'node:path';
import type { Environment } from '#lib/config.ts';
import { newNonce } from '#lib/id.ts';
import { writeIfChanged } from '#provision/files.ts';
import { LabError } from '../lab-error.ts';
import type { LabNames } from '../lab-names.ts';
import type { GateRecord, LabState } from '../lab-state.ts';
import { choosePort } from '../local/ports.ts';
import { ensureSecret } from '../local/secrets.ts';
import { SMALL_PROCESS_FLAGS, smallProcessEnv } from '../local/small-process.ts';
import { endProcesses, findByArguments, isRunning, startDetached } from '../process-record.ts';
import { SYSTEM_ENV, tryRun } from '../run.ts';
import { until } from '../until.ts';
import { CONFIG_FILE, type GateConfig, labArguments, STANDIN_LABEL } from './gate-config.ts';
import { modelKeysFile } from './model-keys.ts';
import { chooseProvider, fingerprint } from './provider.ts';

/** A service of a machine that is reached on this machine's loopback. */
export interface Door {
  readonly name: string;
  /** The port of the loopback that is taken when nobody has it. */
  readonly usualPort: number;
  readonly to: { readonly address: string; readonly port: number };
}

interface Place {
  readonly address: string;
  readonly port: number;
}

export interface GateOptions {
  readonly doors: readonly Door[];
  /** Where machines ask for a model. */
  readonly model: Place;
  /** Where machines reach a chat server outside of the lab, and its address, if it has one there. */
  readonly chat?: { readonly listen: Place; readonly url: string } | undefined;
  /** From `providerEnvironment`. */
  readonly providerEnv: Environment;
  readonly signal: AbortSignal;
}

const MAIN = path.join(import.meta.dirname, 'main.ts');
const STANDIN_MAIN = path.resolve(import.meta.dirname, '../../standins/model/main.ts');
const GRACE_MS = 5000;
const READY_TIMEOUT_MS = 30_000;

/**
 * Has both sides of the lab's gates run with these settings, and resolves when they do. A side that runs with the
 * same settings is left alone. `save` writes the state down after each step.
 */
export async function ensureGates(
  names: LabNames,
  state: LabState,
  options: GateOptions,
  save: () => void,
): Promise<void> {
  const { providerEnv, signal } = options;
  const provider = chooseProvider(providerEnv);
  const config = await makeConfig(names, state, options, provider === undefined);
  const { model, chat, doors } = config;
  writeIfChanged(path.join(names.dir, CONFIG_FILE), `${JSON.stringify(config, undefined, 2)}\n`, 0o600);
  state.doors = doors.map(({ name, localPort }) => ({ name, localPort }));
  state.model = provider?.label ?? STANDIN_LABEL;
  if (config.standin) state.standinPort = config.standin.port;
  save();

  const known = {
    switch: fingerprint(model, doors, chat?.listen),
    machine: fingerprint(config, providerEnv),
  };
  state.gates.switch = await ensureSide(names, 'switch', {
    recorded: state.gates.switch,
    settings: known.switch,
    enter: ['ip', 'netns', 'exec', names.switchNamespace],
    env: {},
    signal,
  });
  save();
  state.gates.machine = await ensureSide(names, 'machine', {
    recorded: state.gates.machine,
    settings: known.machine,
    enter: [],
    env: providerEnv,
    signal,
  });
  save();
  await untilGatesReady(names, state, options);
}

/** Whether a call from the lab's switch reaches the model relay; the reason when it does not. */
export function modelGateProblem(
  names: LabNames,
  model: Place,
  signal: AbortSignal,
): Promise<string | undefined> {
  const question = { path: '/livez', answer: '"ok":true', silent: 'the model relay does not answer' };
  return gateProblem(names, model, question, signal);
}

/** The same for the chat server outside, which has to answer itself. */
export function chatGateProblem(
  names: LabNames,
  listen: Place,
  signal: AbortSignal,
): Promise<string | undefined> {
  const silent = 'the chat server does not answer from within the lab';
  const question = { path: '/api/v4/system/ping', answer: '"status":"OK"', silent };
  return gateProblem(names, listen, question, signal);
}

async function gateProblem(
  names: LabNames,
  { address, port }: Place,
  { path, answer, silent }: { readonly path: string; readonly answer: string; readonly silent: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  // Without -N: Node's HTTP server ends a call whose asker has closed its side before the answer has come.
  const { ok, stdout, stderr } = await tryRun(
    'ip',
    ['netns', 'exec', names.switchNamespace, 'nc', '-w', '5', address, String(port)],
    { signal, input: `GET ${path} HTTP/1.0\r\n\r\n`, timeoutMs: 10_000 },
  );
  if (stdout.includes(answer)) return undefined;
  return ok ? silent : stderr || `nothing listens at ${address}:${port}`;
}

/** Whether somebody listens on a port of the loopback. */
export function listensOn(localPort: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection({ host: '127.0.0.1', port: localPort });
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function gateLog(names: LabNames, side: GateSide): string {
  return path.join(names.logDir, `lab-gate-${side}.log`);
}

type GateSide = 'switch' | 'machine';

async function makeConfig(
  names: LabNames,
  state: LabState,
  { doors, model, chat }: GateOptions,
  needsStandin: boolean,
): Promise<GateConfig> {
  const ours = state.gates.machine && isRunning(state.gates.machine.process);
  // A port of our own running gate is in use, by ourselves.
  const port = async (before: number | undefined, usual: number): Promise<number> =>
    before !== undefined && ours ? before : choosePort(before ?? usual);
  const opened: GateConfig['doors'] = [];
  for (const { name, usualPort, to } of doors) {
    const before = state.doors.find((door) => door.name === name)?.localPort;
    opened.push({ name, to, localPort: await port(before, usualPort) });
  }
  const config = { model, ...(chat ? { chat } : {}), doors: opened, keysFile: modelKeysFile(names) };
  if (!needsStandin) return config;
  const standinPort = await port(state.standinPort, 0);
  const keyFile = path.join(names.dir, 'standin-key');
  ensureSecret(keyFile, newNonce);
  const command = [process.execPath, ...SMALL_PROCESS_FLAGS, STANDIN_MAIN] as const;
  return {
    ...config,
    standin: {
      command: [...command, '--port', String(standinPort), '--key-file', keyFile],
      port: standinPort,
      keyFile,
      logFile: path.join(names.logDir, 'lab-model-standin.log'),
    },
  };
}

interface SideOptions {
  readonly recorded: GateRecord | undefined;
  /** The fingerprint of what it is to be started with. */
  readonly settings: string;
  /** What the command begins with, to run elsewhere. */
  readonly enter: readonly string[];
  readonly env: Environment;
  readonly signal: AbortSignal;
}

async function ensureSide(names: LabNames, side: GateSide, options: SideOptions): Promise<GateRecord> {
  const { recorded, settings, enter, env, signal } = options;
  if (recorded && recorded.fingerprint === settings && isRunning(recorded.process)) return recorded;
  // Also those of a start that was interrupted before it wrote them down.
  const before = findByArguments([side, ...labArguments(names)]);
  await endProcesses([...before, ...(recorded ? [recorded.process] : [])], { graceMs: GRACE_MS, signal });
  const [program, ...args] = [
    ...enter,
    ...[process.execPath, ...SMALL_PROCESS_FLAGS, MAIN, side, ...labArguments(names)],
  ] as [string, ...string[]];
  const started = startDetached({
    command: [program, ...args],
    env: { ...SYSTEM_ENV, ...smallProcessEnv(path.join(names.dir, 'compile-cache')), ...defined(env) },
    cwd: names.dir,
    logFile: gateLog(names, side),
  });
  return { process: started, fingerprint: settings };
}

async function untilGatesReady(
  names: LabNames,
  state: LabState,
  { model, chat, signal }: GateOptions,
): Promise<void> {
  const what = 'The gates of the lab did not open';
  const remedy = `Read ${gateLog(names, 'switch')} and ${gateLog(names, 'machine')}; then run \`olympus lab up\` again.`;
  await until({ what, remedy, timeoutMs: READY_TIMEOUT_MS, signal }, async () => {
    for (const side of ['switch', 'machine'] as const) {
      const gate = state.gates[side];
      if (gate && !isRunning(gate.process)) throw gateEnded(names, side);
    }
    for (const { name, localPort } of state.doors) {
      if (!(await listensOn(localPort))) return `nothing listens on port ${localPort} for ${name}`;
    }
    const problem = await modelGateProblem(names, model, signal);
    return problem ?? (chat && chatGateProblem(names, chat.listen, signal));
  });
}

function gateEnded(names: LabNames, side: GateSide): LabError {
  return new LabError(
    `The lab's gate on the ${side} side ended while it started.`,
    `The end of ${gateLog(names, side)} says why; then run \`olympus lab up\` again.`,
  );
}

function defined(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';

export interface ProcessOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Whether it answers; asked until it does. */
  readonly ready: (signal: AbortSignal) => Promise<boolean>;
  readonly readyTimeoutMs: number;
  /** How long it may take to end by itself after SIGTERM. */
  readonly stopTimeoutMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

const RESTART_MS = 200;
const READY_POLL_MS = 50;

/**
 * One process, kept running the way systemd would keep it (Restart=always), in a process group of its own so that
 * its helpers go with it. It dies with this process, even when that is killed.
 */
export class ProcessPart implements Part {
  readonly name: string;
  readonly #options: ProcessOptions;
  #keeper: Loop | undefined;
  #child: ChildProcess | undefined;
  #restarts = -1;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** Of the process that runs now, or ran last. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How often it was started again. */
  get restarts(): number {
    return Math.max(0, this.#restarts);
  }

  /** Starts it and resolves when it answers. */
  async start(signal: AbortSignal): Promise<void> {
    this.spawn();
    await this.untilReady(signal);
  }

  /** Starts it and keeps it running, without waiting. */
  spawn(): void {
    const { clock, log, name } = this.#options;
    this.#keeper = new Loop({
      clock,
      round: async (signal) => {
        await this.#live(signal);
        return RESTART_MS;
      },
      onError: (error) => log.error({ err: error, process: name }, 'process could not be run'),
      stuckAfterMs: Number.POSITIVE_INFINITY,
    });
    this.#keeper.start();
  }

  /** Resolves when it answers; rejects with the end of its log when it does not in time. */
  async untilReady(signal: AbortSignal): Promise<void> {
    const { ready, readyTimeoutMs, clock, name } = this.#options;
    const deadline = clock.now() + readyTimeoutMs;
    const restartsBefore = this.restarts;
    const isReady = (): Promise<boolean> =>
      ready(AbortSignal.any([signal, AbortSignal.timeout(5000)])).catch(() => false);
    while (!(this.running && (await isReady()))) {
      signal.throwIfAborted();
      if (clock.now() > deadline || this.restarts - restartsBefore > 3) {
        throw new Error(`${name} did not come up. The end of ${this.#options.logFile}:\n${this.logTail()}`);
      }
      await clock.sleep(READY_POLL_MS, signal);
    }
  }

  /** Sends a signal to the process and its helpers. It comes back, as under systemd, unless it is stopped. */
  kill(signal: NodeJS.Signals): void {
    if (!this.running) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async stop(): Promise<void> {
    const { stopTimeoutMs } = this.#options;
    const child = this.#child;
    const ended = this.#keeper?.stop();
    if (child && this.running) {
      const timer = setTimeout(() => this.kill('SIGKILL'), stopTimeoutMs);
      process.kill(this.pid, 'SIGTERM');
      await once(child, 'exit');
      clearTimeout(timer);
      killGroup(child.pid);
    }
    await ended;
    this.#keeper = undefined;
  }

  /** Ends it now and keeps it down until `start` or `spawn`. */
  async halt(): Promise<void> {
    const ended = this.#keeper?.stop();
    this.kill('SIGKILL');
    await ended;
    this.#keeper = undefined;
  }

  health(): Health {
    return this.running
      ? { live: true, ready: true }
      : { live: true, ready: false, reason: `${this.name} does not run; see ${this.#options.logFile}` };
  }

  /** The last lines of its log. */
  logTail(lines = 25): string {
    try {
      return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '(no log)';
    }
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { command, env, logFile, log, name } = this.#options;
    if (signal.aborted) return;
    mkdirSync(path.dirname(logFile), { recursive: true });
    const out = openSync(logFile, 'a', 0o600);
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      env: { ...env },
      stdio: ['ignore', out, out],
      detached: true,
    });
    closeSync(out);
    this.#child = child;
    this.#restarts += 1;
    const [code, killedBy] = await once(child, 'exit');
    if (!signal.aborted) {
      killGroup(child.pid);
      log.warn({ process: name, code, killedBy }, 'process ended, starting it again');
    }
  }
}

/** Ends what a process left behind in its group. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing was left.
  }
}

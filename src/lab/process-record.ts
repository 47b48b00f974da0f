import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { LabError } from './lab-error.ts';

/**
 * A process that outlives the command that started it. The start time (in the kernel's ticks since boot) tells it
 * from another one that was given the same number later: such a one is never touched.
 */
export const ProcessRecord = z.object({ pid: z.int().positive(), startTime: z.string() });
export type ProcessRecord = z.infer<typeof ProcessRecord>;

export interface DetachedOptions {
  readonly command: readonly [string, ...string[]];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
}

/** Starts a process in a session of its own, so that it outlives us and our terminal. */
export function startDetached(options: DetachedOptions): ProcessRecord {
  const { command, env, cwd, logFile } = options;
  mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 });
  const out = openSync(logFile, 'a', 0o600);
  try {
    const [program, ...args] = command;
    const stdio: ('ignore' | number)[] = ['ignore', out, out];
    // A pipe of the caller's that stayed open in a process of the lab would keep its reader waiting for ever.
    for (const fd of inheritedDescriptors()) stdio[fd] = out;
    const child = spawn(program, args, {
      env: { ...env },
      cwd,
      stdio: Array.from(stdio, (each) => each ?? 'ignore'),
      detached: true,
    });
    child.on('error', () => undefined); // It has no pid then, which is told below.
    child.unref();
    const record = child.pid === undefined ? undefined : recordOf(child.pid);
    if (record) return record;
    throw new LabError(
      `${program} could not be started.`,
      `Look into ${logFile}, and whether the program is there.`,
    );
  } finally {
    closeSync(out);
  }
}

/** Open files beyond the usual three that whoever started us left to us, and that we would leave to ours. */
function inheritedDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2)
    .filter((fd) => {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readText(`/proc/self/fdinfo/${fd}`) ?? '')?.[1];
      return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
    });
}

/** The record of a process that runs now. */
export function recordOf(pid: number): ProcessRecord | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime };
}

/** Whether exactly the recorded process still runs; a zombie does not. */
export function isRunning(record: ProcessRecord): boolean {
  const stat = readStat(record.pid);
  return stat !== undefined && stat.startTime === record.startTime && stat.state !== 'Z';
}

/** Asks the recorded processes to end, kills those that have not after `graceMs`, and resolves when none runs. */
export async function endProcesses(
  records: readonly ProcessRecord[],
  options: { readonly graceMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { graceMs, signal } = options;
  const killAt = performance.now() + graceMs;
  const giveUpAt = killAt + KILL_TIMEOUT_MS;
  if (graceMs > 0) for (const each of records) send(each, 'SIGTERM');
  while (true) {
    const left = records.filter(isRunning);
    if (left.length === 0) return;
    signal.throwIfAborted();
    const now = performance.now();
    if (now >= giveUpAt) throw stuck(left);
    if (now >= killAt) for (const each of left) send(each, 'SIGKILL');
    await systemClock.sleep(POLL_MS, signal);
  }
}

/** The processes whose arguments hold these words one after another. */
export function findByArguments(words: readonly string[]): ProcessRecord[] {
  const wanted = words.join('\0');
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const args = readText(`/proc/${name}/cmdline`) ?? '';
      if (!`\0${args}`.includes(`\0${wanted}\0`)) return [];
      return recordOf(Number(name)) ?? [];
    });
}

/** From asm-generic/fcntl.h; Node does not name it. */
const O_CLOEXEC = 0o2000000;
const POLL_MS = 20;
const KILL_TIMEOUT_MS = 15_000;

function send(record: ProcessRecord, signal: NodeJS.Signals): void {
  if (!isRunning(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function stuck(records: readonly ProcessRecord[]): LabError {
  const pids = records.map(({ pid }) => pid).join(', ');
  return new LabError(
    `Processes of the lab did not end although they were killed: ${pids}.`,
    `See what they wait for with \`ps -o pid,stat,wchan,args -p ${pids.replaceAll(' ', '')}\`, then run this again.`,
  );
}

/** State and start time: fields 3 and 22 of proc_pid_stat(5), counted behind the name, which may hold anything. */
function readStat(pid: number): { state: string; startTime: string } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields?.[0], fields?.[19]];
  return state && startTime ? { state, startTime } : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // It has ended.
  }
}

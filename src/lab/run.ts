import { DeadlineError } from '#lib/deadline.ts';
import { runCommand } from '#provision/command.ts';
import { LabError } from './lab-error.ts';

/** Where system programs are, whatever PATH the person has: `su` leaves root without the sbin folders. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What our programs are given of an environment: nothing of the person's. */
export const SYSTEM_ENV = { PATH: SYSTEM_PATH, HOME: '/root', LC_ALL: 'C' } as const;

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Written to its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** What it complained of; or that it took too long. */
  readonly stderr: string;
}

/** Runs a system program to its end; that it fails is an answer. */
export async function tryRun(
  program: string,
  args: readonly string[],
  { signal, input, timeoutMs = 60_000 }: RunOptions,
): Promise<RunResult> {
  try {
    const options = { signal, timeoutMs, input, env: SYSTEM_ENV };
    const { code, stdout, stderr } = await runCommand(program, args, options);
    return { ok: code === 0, stdout, stderr: stderr.trim() };
  } catch (error) {
    if (error instanceof DeadlineError && !signal.aborted) {
      return { ok: false, stdout: '', stderr: error.message };
    }
    throw error;
  }
}

/** Runs a system program and returns what it printed; its failure is an error that quotes it. */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { ok, stdout, stderr } = await tryRun(program, args, options);
  if (ok) return stdout;
  throw new LabError(
    `\`${[program, ...args].join(' ')}\` failed: ${stderr || 'it said nothing'}.`,
    'Run `olympus lab down` and then `olympus lab up` again; if it stays, the sentence of the program says why.',
  );
}

import { execFile } from 'node:child_process';
import { LabError } from './lab-error.ts';

/** Where system programs are, whatever PATH the person has: `su` leaves root without the sbin folders. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Written to its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;

/** Runs a system program to its end. Rejects only when it could not be run, or `signal` aborted. */
export function tryRun(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { signal, input, timeoutMs = 60_000 } = options;
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const child = execFile(
    program,
    [...args],
    {
      signal,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_LIMIT_BYTES,
      env: { PATH: SYSTEM_PATH, LC_ALL: 'C', HOME: '/root' },
    },
    (error, stdout, stderr) => {
      if (signal.aborted) return reject(signal.reason);
      if (error && error.code === 'ENOENT') return reject(missingProgram(program));
      const reason = error?.killed ? `${program} did not end within ${timeoutMs} ms` : stderr.trim();
      resolve({ ok: error === null, stdout, stderr: reason });
    },
  );
  // A program that ends before it has read everything closes the pipe; its exit code says what happened.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input ?? '');
  return promise;
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

function missingProgram(program: string): LabError {
  return new LabError(
    `The program ${program} is missing.`,
    'Run scripts/quickstart, which installs what the lab needs.',
  );
}

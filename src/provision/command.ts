import { execFile } from 'node:child_process';
import type { Environment } from '#lib/config.ts';
import { withDeadline } from '#lib/deadline.ts';

/** What a program said and how it ended; a signal counts as code -1. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Given to its standard input, which is closed then; secrets travel here, never as arguments. */
  readonly input?: string | Uint8Array | undefined;
  /** Its whole environment; ours when it is not given. */
  readonly env?: Environment;
  readonly cwd?: string;
}

/** A program is missing on this machine; the message says how to get it. */
export class ProgramMissing extends Error {
  constructor(program: string) {
    super(`${program} is not installed on this machine. Install the package that has it.`);
    this.name = 'ProgramMissing';
  }
}

const MAX_OUTPUT = 64 * 1024 * 1024;

/** Runs a program of this machine, never through a shell. Its exit code is an answer, not an error. */
export async function runCommand(
  program: string,
  args: readonly string[],
  { signal, timeoutMs, input, env, cwd }: CommandOptions,
): Promise<Finished> {
  return withDeadline(program, timeoutMs, signal, (both) => {
    const options = {
      maxBuffer: MAX_OUTPUT,
      signal: both,
      ...(env ? { env: { ...env } } : {}),
      ...(cwd ? { cwd } : {}),
    };
    const result = Promise.withResolvers<Finished>();
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) result.resolve({ code: 0, stdout, stderr });
      else if (error.code === 'ENOENT' && child.pid === undefined) result.reject(new ProgramMissing(program));
      else if (both.aborted) result.reject(both.reason);
      else result.resolve({ code: typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
    // A program that ends without reading everything closes the pipe: its exit code says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    return result.promise;
  });
}

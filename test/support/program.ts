import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** The whole environment: nothing is inherited but where compiled code is kept between starts. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where `main` is looked for; the checkout by default. */
  readonly cwd?: string;
}

/** Starts a main.ts as a process of its own, which ends when it is disposed, or with this process at the latest. */
export function startProgram(main: string, { args = [], env = {}, cwd }: ProgramOptions = {}) {
  const command = ['--pdeathsig', 'KILL', process.execPath, main, ...args];
  const compileCache = process.env['NODE_COMPILE_CACHE'];
  const child = spawn('setpriv', command, {
    env: { ...(compileCache ? { NODE_COMPILE_CACHE: compileCache } : {}), ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(cwd ? { cwd } : {}),
  });
  child.stdout.resume();
  return {
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

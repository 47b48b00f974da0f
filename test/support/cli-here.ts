import { Readable } from 'node:stream';
import type { Clock } from '#lib/clock.ts';
import { FAMILIES } from '../../src/cli/families.ts';
import { createOutput } from '../../src/cli/output.ts';
import { runProgram } from '../../src/cli/program.ts';
import { ManualClock } from './manual-clock.ts';

// Loaded before a test begins, not in the time that it has.
await Promise.all(FAMILIES.map(({ load }) => load()));

export interface CliHere {
  readonly env?: Readonly<Record<string, string>>;
  readonly stateDir?: string;
  /** What comes over standard input, which is no terminal. */
  readonly input?: string;
  /** One that stands still, unless another is given. */
  readonly clock?: Clock;
}

/** Runs a call of the command line in this process, which must end without any server. */
export async function runCli(
  args: readonly string[],
  { env = {}, stateDir = '/state', input, clock = new ManualClock() }: CliHere = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const screen = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await runProgram(args, {
    settings: { env, stateDir, envFiles: [] },
    out: createOutput(screen('stdout'), screen('stderr'), true),
    stdin: Readable.from(input === undefined ? [] : [input]),
    signal: new AbortController().signal,
    clock,
    version: '1.2.3',
  });
  return { code, ...written };
}

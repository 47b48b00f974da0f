import { systemClock } from '#lib/clock.ts';
import { interruptSignal } from '#lib/lifecycle-interrupt.ts';
import { releaseVersion } from '#lib/version.ts';
import { createOutput } from './output.ts';
import { runProgram } from './program.ts';
import { readSettings } from './settings.ts';

// `olympus task list | head` closes the pipe early: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const { env } = process;
const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
process.exitCode = await runProgram(process.argv.slice(2), {
  settings: readSettings(env, process.cwd()),
  out: createOutput(process.stdout, process.stderr, plain),
  stdin: process.stdin,
  signal: interruptSignal(),
  clock: systemClock,
  version: releaseVersion(),
});

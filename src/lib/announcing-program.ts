import { ConfigError } from './config.ts';
import { Lifecycle, type Part } from './lifecycle.ts';
import { runProgram } from './lifecycle-program.ts';
import { createLogger } from './log.ts';
import { createSdNotifier } from './sd-notify.ts';

/**
 * Runs one part as a program of its own until it is told to stop. Once it listens, standard output gets one line, what `announced`
 * answers as JSON; the log goes to standard error. `env` is of the process, by which systemd is told how it is.
 */
export async function runAnnouncing(
  part: Part,
  announced: () => object,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const log = createLogger({ name: part.name, destination: process.stderr });
  const announcement: Part = {
    name: 'announcement',
    start: async () => {
      process.stdout.write(`${JSON.stringify(announced())}\n`);
    },
    stop: async () => undefined,
    health: () => ({ live: true, ready: true }),
  };
  await runProgram({
    lifecycle: new Lifecycle([part, announcement], log),
    log,
    notify: createSdNotifier(env),
    stopTimeoutMs: 5000,
  });
}

/** A port of the command line; 0, also where none is given, for a free one. Throws a ConfigError for what is none. */
export function portOf(name: string, text: string | undefined): number {
  const port = Number(text ?? 0);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new ConfigError(`${name}=${text}: write a port number, or 0 for a free one`);
}

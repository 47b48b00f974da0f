import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { z } from 'zod';

/** Exit code of a wrong setting (sysexits.h): systemd must not try again by itself (RestartPreventExitStatus=78). */
export const EX_CONFIG = 78;

/** A wrong setting: the message names the variable, what is wrong and what to write. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads settings out of environment variables. An empty variable counts as absent.
 * Throws one ConfigError that lists every wrong variable, a line each.
 */
export function readConfig<T extends z.ZodType>(schema: T, env: Environment): z.output<T> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    if (name === '') return issue.message;
    const given = present[name];
    if (given !== undefined) return `${name}=${given}: ${issue.message}`;
    // A schema that says nothing of its own about an absent variable leaves the library's words, which help nobody.
    const saysMore = !issue.message.startsWith('Invalid input');
    return `${name} is not set${saysMore ? `: ${issue.message}` : ''}`;
  });
  throw new ConfigError(lines.join('\n'));
}

/** Reads one secret from a file, without its trailing newline. Refuses a file that others may read. */
export function readSecretFile(variable: string, file: string): string {
  let mode: number;
  let text: string;
  try {
    mode = statSync(file).mode;
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError(
      `${variable}: cannot read ${file} (${code}). Write the secret there, with mode 0600.`,
    );
  }
  if ((mode & 0o007) !== 0) {
    throw new ConfigError(`${variable}: ${file} is readable by everybody. Run: chmod o= ${file}`);
  }
  if (text === '') throw new ConfigError(`${variable}: ${file} is empty. Write the secret there.`);
  return text;
}

/** Where this install keeps its state: OLYMPUS_STATE_DIR, else OLYMPUS_HOME/state, else the home directory. */
export function stateDirectory(env: Environment): string {
  if (env['OLYMPUS_STATE_DIR']) return path.resolve(env['OLYMPUS_STATE_DIR']);
  if (env['OLYMPUS_HOME']) return path.resolve(env['OLYMPUS_HOME'], 'state');
  return path.join(homedir(), env['OLYMPUS_ENV'] === 'dev' ? '.olympus-dev' : '.olympus', 'state');
}

/** Where downloads are kept, keyed by content: OLYMPUS_CACHE_DIR, else /var/cache/olympus as root, else ~/.cache/olympus. */
export function cacheDirectory(env: Environment): string {
  if (env['OLYMPUS_CACHE_DIR']) return path.resolve(env['OLYMPUS_CACHE_DIR']);
  return process.getuid?.() === 0 ? '/var/cache/olympus' : path.join(homedir(), '.cache', 'olympus');
}

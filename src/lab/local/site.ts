import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { answersOk } from './answers.ts';
import { choosePort } from './ports.ts';
import { ProcessPart } from './process-part.ts';
import { ensureSecret } from './secrets.ts';
import { smallProcessEnv } from './small-process.ts';

export interface SiteOptions {
  readonly stateDir: string;
  /** The checkout: `agents/` and `src/` are read from it. */
  readonly root: string;
  /** The usual ports where they are free; or any free ones. */
  readonly ports: 'usual' | 'any';
  /** Where its processes keep what Node compiled of them; in the state directory unless told otherwise. */
  readonly compileCache?: string | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface ProcessPlan {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Answers a GET with 2xx once the process is ready. */
  readonly readyUrl: string;
}

/** Where a local fleet lives: its state directory, its ports, and how a process is started there. */
export class Site {
  readonly node = process.execPath;
  readonly log: Logger;
  readonly clock: Clock;
  readonly #options: SiteOptions;

  constructor(options: SiteOptions) {
    this.#options = options;
    this.log = options.log;
    this.clock = options.clock;
    mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  }

  /** A path in the state directory. */
  at(...names: string[]): string {
    return path.join(this.#options.stateDir, ...names);
  }

  /** A path in the checkout. */
  source(...names: string[]): string {
    return path.join(this.#options.root, ...names);
  }

  /** The secret of this name: made once, kept in a file of its own. */
  secret(name: string, make: () => string): string {
    return ensureSecret(this.secretFile(name), make);
  }

  secretFile(name: string): string {
    return this.at('secrets', name);
  }

  port(usual: number): Promise<number> {
    return choosePort(this.#options.ports === 'usual' ? usual : 0);
  }

  /** A process of this fleet, not started. It inherits nothing from our environment. */
  process({ name, command, env, readyUrl }: ProcessPlan): ProcessPart {
    return new ProcessPart({
      name,
      command,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: this.#options.stateDir,
        ...smallProcessEnv(this.#options.compileCache ?? this.at('compile-cache')),
        ...env,
      },
      logFile: this.at('logs', `${name.replaceAll(' ', '-')}.log`),
      ready: (signal) => answersOk(readyUrl, signal),
      // A daemon is ready after a turn that warms its gateway up, which on a busy machine takes half a minute.
      readyTimeoutMs: 120_000,
      stopTimeoutMs: 15_000,
      log: this.log,
      clock: this.clock,
    });
  }
}

import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

const LAUNCHER = path.resolve(import.meta.dirname, '../../olympus');

/** How a call of the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Settings = Readonly<Record<string, string>>;

/** The olympus command, as a person at a shell calls it whose fleet is in `stateDir`. */
export class CliCaller {
  readonly #stateDir: string;

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  async run(args: readonly string[], settings?: Settings, input = ''): Promise<Ended> {
    const { child, ended } = this.start(args, settings);
    child.stdin.end(input);
    return ended;
  }

  /** Runs it with --json, expects success, and returns the value. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  start(args: readonly string[], settings: Settings = {}) {
    const child = spawn(LAUNCHER, args, {
      // Not the state directory: there, what the environment gives would count less than the .env.
      cwd: path.join(this.#stateDir, 'logs'),
      env: {
        PATH: process.env['PATH'],
        HOME: this.#stateDir,
        // Where this machine has its packages from, and whom it trusts for that: its home is not the one above.
        NPM_CONFIG_USERCONFIG: path.join(homedir(), '.npmrc'),
        NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'],
        OLYMPUS_STATE_DIR: this.#stateDir,
        // Also on a machine whose first `node` is an old one.
        OLYMPUS_NODE: process.execPath,
        ...settings,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return { child, ended: collect(child) };
  }
}

async function collect(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), promise]);
  return { code, stdout, stderr };
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const NOBODY = 65534;

/** A libvirtd of an ordinary user, with all of its files in a folder of its own. */
export class Daemon implements AsyncDisposable {
  readonly dir: string;
  #child: ChildProcess | undefined;

  private constructor() {
    this.dir = mkdtempSync(path.join(tmpdir(), 'libvirtd-'));
    if (process.getuid?.() === 0) chownSync(this.dir, NOBODY, NOBODY);
  }

  static async start(): Promise<Daemon> {
    const daemon = new Daemon();
    await daemon.start();
    return daemon;
  }

  get socket(): string {
    return path.join(this.dir, 'libvirt', 'libvirt-sock');
  }

  /** The URI of a driver of this daemon. */
  uri(driver: 'test:///default' | 'qemu:///session'): string {
    return `${driver.replace(':', '+unix:')}?socket=${this.socket}`;
  }

  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const isRoot = process.getuid?.() === 0;
    const user = isRoot ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
    this.#child = spawn('setpriv', [...user, '--pdeathsig', 'KILL', 'libvirtd', '--timeout', '120'], {
      cwd: this.dir,
      env: {
        PATH: `${process.env['PATH']}:/usr/sbin`,
        HOME: this.dir,
        XDG_RUNTIME_DIR: this.dir,
        XDG_CONFIG_HOME: this.dir,
        XDG_CACHE_HOME: this.dir,
        // Not what it has to say about a machine without D-Bus.
        LIBVIRT_LOG_OUTPUTS: `1:file:${path.join(this.dir, 'log')}`,
      },
      stdio: 'ignore',
    });
    const deadline = performance.now() + 20_000;
    while (!(await isOpen(this.socket))) {
      if (performance.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`libvirtd did not start: ${this.#log()}`);
      }
      await delay(20);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it at once; what it keeps in files stays. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #log(): string {
    const file = path.join(this.dir, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-2000) : 'it wrote no log';
  }
}

/** Whether somebody listens there. */
async function isOpen(socket: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const trial = createConnection(socket, () => resolve(true));
  trial.once('error', () => resolve(false));
  const answer = await promise;
  trial.destroy();
  return answer;
}

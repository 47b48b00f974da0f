import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, OlympusError } from '#core/errors.ts';

export interface ServiceUnitOptions {
  /** For example `openclaw-gateway.service`. */
  readonly name: string;
  /** How long a restart may take: longer than the unit's own limits for stop and start. */
  readonly timeoutMs: number;
  /** Where the kernel shows control groups. */
  readonly cgroupRoot?: string;
}

interface UnitState {
  readonly active: string;
  /** Another one with every start. */
  readonly invocation: string;
  readonly processes: readonly string[];
}

const ASK_TIMEOUT_MS = 10_000;
const exec = promisify(execFile);

/** A service of this machine's systemd that we may restart. */
export class ServiceUnit {
  readonly #options: ServiceUnitOptions;

  constructor(options: ServiceUnitOptions) {
    this.#options = options;
  }

  /**
   * Ends all processes of the unit with SIGKILL, starts it anew and sees for itself that none of before is left in its control
   * group: what is asked to stop may take as long as its unit lets it. Rejects with `unit_not_restarted` when that is not
   * certain. May be repeated.
   */
  async restart(signal: AbortSignal): Promise<void> {
    const { name, timeoutMs } = this.#options;
    const before = await this.#state(signal);
    // Where it is refused, or there is nothing to kill, the restart ends what there is, in its own time.
    await this.#systemctl(['kill', '--signal=KILL', name], ASK_TIMEOUT_MS, signal).catch(() => undefined);
    signal.throwIfAborted();
    await this.#systemctl(['restart', name], timeoutMs, signal);
    const after = await this.#state(signal);
    if (after.active !== 'active') throw this.#failed(`it is ${after.active} after its restart`);
    if (after.invocation === '' || after.invocation === before.invocation) {
      throw this.#failed('systemd shows no new start of it');
    }
    const left = after.processes.filter((pid) => before.processes.includes(pid));
    if (left.length > 0) throw this.#failed(`processes of before are still there: ${left.join(', ')}`);
  }

  async #state(signal: AbortSignal): Promise<UnitState> {
    const { name } = this.#options;
    const args = ['show', '--property=ActiveState,InvocationID,ControlGroup', name];
    const lines = (await this.#systemctl(args, ASK_TIMEOUT_MS, signal)).split('\n');
    const propertyOf = (key: string): string =>
      lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1) ?? '';
    return {
      active: propertyOf('ActiveState'),
      invocation: propertyOf('InvocationID'),
      processes: await this.#processesIn(propertyOf('ControlGroup')),
    };
  }

  /** The processes of a control group and of those below it; a unit that does not run has none. */
  async #processesIn(group: string): Promise<string[]> {
    if (group === '') return [];
    const { cgroupRoot = '/sys/fs/cgroup' } = this.#options;
    const root = path.join(cgroupRoot, group);
    try {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const files = entries.filter(({ name }) => name === 'cgroup.procs');
      const texts = await Promise.all(
        files.map(({ parentPath, name }) => readFile(path.join(parentPath, name), 'utf8')),
      );
      return texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
    } catch (error) {
      throw this.#failed(`its control group cannot be read: ${messageOf(error)}`);
    }
  }

  async #systemctl(args: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<string> {
    try {
      const options = { signal, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
      const { stdout } = await exec('systemctl', ['--no-ask-password', ...args], options);
      return stdout;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#failed(saidBy(error) ?? `systemctl ${args[0]} did not end within ${timeoutMs} ms`);
    }
  }

  #failed(what: string): OlympusError {
    return new OlympusError('unit_not_restarted', `${this.#options.name}: ${what}`);
  }
}

/** What systemctl has said, when it ended by itself. */
function saidBy(error: unknown): string | undefined {
  if (!(error instanceof Error) || ('killed' in error && error.killed)) return undefined;
  const said = 'stderr' in error ? String(error.stderr).trim() : '';
  return said === '' ? error.message : said;
}

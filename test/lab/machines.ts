import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type LabNames, labNames } from '#lab/lab-names.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

/** How a command ended, and what it printed, errors included. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

/** A lab with its virtual machines in a folder of its own; disposing takes it down. */
export class LabWithMachines implements AsyncDisposable {
  readonly names: LabNames;
  readonly cli: CliCaller;
  readonly #dir: TempDir;

  private constructor(dir: TempDir, stateDir: string) {
    this.#dir = dir;
    this.names = labNames(stateDir);
    this.cli = new CliCaller(stateDir);
  }

  /** Nothing of it runs yet. */
  static async prepare(): Promise<LabWithMachines> {
    const dir = await tempDir('machines');
    const stateDir = path.join(dir.path, 'state');
    await mkdir(path.join(stateDir, 'logs'), { recursive: true });
    return new LabWithMachines(dir, stateDir);
  }

  /** Brings it up, and shows how long each phase took. */
  async up(agents: string, ...more: readonly string[]): Promise<void> {
    const { code, stderr } = await this.cli.run(['lab', 'up', '--agents', agents, ...more]);
    process.stdout.write(stderr.replaceAll(/^(?=[✔✗])/gm, '      ').replaceAll(/^ {2}.*…\n/gm, ''));
    assert.equal(code, 0, stderr);
  }

  /** Runs a command as root on a machine or a hypervisor. */
  on(host: string, command: string): Promise<Said> {
    const ssh = ['-F', path.join(this.names.stateDir, 'ssh/config'), host];
    return run('ssh', [...ssh, `sudo -n sh -c ${quoted(command)} 2>&1 || exit $?`]);
  }

  /** Runs a command on a simulated hypervisor, where one is root. */
  onHypervisor(host: string, command: string): Promise<Said> {
    return run('ssh', ['-F', path.join(this.names.stateDir, 'ssh/config'), host, `${command} 2>&1`]);
  }

  /** Runs a program at the lab's switch, from where its machines are seen. */
  atSwitch(...command: readonly string[]): Promise<Said> {
    return run('ip', ['netns', 'exec', this.names.switchNamespace, ...command]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cli.run(['lab', 'down', '--yes']);
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** A word for a shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function run(program: string, args: readonly string[]): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>();
  execFile(program, args, { maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) =>
    resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, text: stdout + stderr }),
  );
  return promise;
}

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type LabOptions, type RaisedLab, raiseLab } from '#lab/lab.ts';
import { takeDownLab } from '#lab/lab-down.ts';
import { type LabNames, labNames } from '#lab/lab-names.ts';
import { createLogger } from '#lib/log.ts';
import { type TempDir, tempDir } from './temp-dir.ts';

const never = new AbortController().signal;
const LAUNCHER = path.resolve(import.meta.dirname, '../../olympus');

export const HYPERVISORS = [
  { name: 'r420', address: '10.220.1.7' },
  { name: 'r720xd', address: '10.220.1.10' },
] as const;

/** A virtual machine that needs no disk: its firmware finds nothing to start, and waits. */
export const TINY_DOMAIN = `<domain type="qemu"><name>tiny</name><memory unit="MiB">32</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os>
<devices><interface type="bridge"><source bridge="br0"/></interface></devices></domain>`;

/** A lab in a folder of its own, taken down when disposed. Nothing runs before `raise`. */
export class TestLab implements AsyncDisposable {
  readonly names: LabNames;
  readonly #dir: TempDir;

  private constructor(dir: TempDir) {
    this.#dir = dir;
    this.names = labNames(path.join(dir.path, 'state'));
  }

  static async make(): Promise<TestLab> {
    return new TestLab(await tempDir('lab'));
  }

  /** The folder above the state directory. */
  get folder(): string {
    return this.#dir.path;
  }

  raise(changes: Partial<LabOptions> = {}): Promise<RaisedLab> {
    return raiseLab({
      stateDir: this.names.stateDir,
      hypervisors: HYPERVISORS,
      switchAddress: '10.220.1.1',
      prefix: 24,
      modelPort: 11_500,
      doors: [{ name: 'chat', usualPort: 0, to: { address: '10.220.1.7', port: 22 } }],
      providerEnv: {},
      log: createLogger({ name: 'test', level: 'silent' }),
      signal: never,
      ...changes,
    });
  }

  down(): Promise<{ changed: boolean }> {
    return takeDownLab(this.names, never);
  }

  /** Runs a command on a hypervisor the way a person does, and returns what it printed. */
  async ssh(hypervisor: { readonly address: string }, command: string): Promise<string> {
    const ssh = path.join(this.names.stateDir, 'ssh');
    const args = [
      ...['-F', path.join(ssh, 'config.d', 'lab.conf'), '-i', path.join(ssh, 'id_ed25519')],
      ...['-o', `UserKnownHostsFile=${path.join(ssh, 'known_hosts')}`, '-o', 'StrictHostKeyChecking=yes'],
      ...['-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', `root@${hypervisor.address}`, command],
    ];
    return (await promisify(execFile)('ssh', args)).stdout.trim();
  }

  /** The olympus command, as a person calls it for this lab. */
  async olympus(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
    const env = {
      PATH: process.env['PATH'],
      HOME: this.folder,
      OLYMPUS_STATE_DIR: this.names.stateDir,
      OLYMPUS_CACHE_DIR: path.join(this.folder, 'cache'),
      OLYMPUS_NODE: process.execPath,
    };
    const child = execFile(LAUNCHER, args, { cwd: this.folder, env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
    child.stdin?.end();
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** The network namespaces of a lab that is up, by the kernel's own names for them. */
export function networksOf(names: LabNames): string[] {
  const ours = processes().filter(({ args }) => wordsOf(names).some((word) => args.includes(word)));
  return [...new Set(ours.flatMap(({ pid }) => networkOf(pid)))];
}

/** What a process of this lab has in its arguments. */
export function wordsOf(names: LabNames): string[] {
  return [`${names.stateDir}/`, `olympus-${names.id}`];
}

/** The processes that live in one of these networks, or were started with one of these words. */
export function processesOf(networks: readonly string[], words: readonly string[]): string[] {
  return processes()
    .filter(({ pid, args }) => {
      const inside = networkOf(pid).some((network) => networks.includes(network));
      return inside || words.some((word) => args.includes(word));
    })
    .map(({ pid, args }) => `${pid} ${args}`);
}

function networkOf(pid: number): string[] {
  try {
    const network = readlinkSync(`/proc/${pid}/ns/net`);
    return network === readlinkSync('/proc/self/ns/net') ? [] : [network];
  } catch {
    return []; // It has ended.
  }
}

function processes(): { pid: number; args: string }[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return args === '' ? [] : [{ pid, args }];
      } catch {
        return [];
      }
    });
}

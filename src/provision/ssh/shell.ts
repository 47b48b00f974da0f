import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HypervisorError, type Shell, type ShellResult } from '#integrations/libvirt/hypervisor.ts';
import type { LibvirtWay } from '#integrations/libvirt/libvirt-session.ts';
import { runCommand } from '../command.ts';
import type { HypervisorHost } from '../inventory/inventory.ts';
import { ShellWorkers } from './shell-workers.ts';
import type { SshFiles } from './ssh-files.ts';

/** A shell on a hypervisor that holds a connection as long as it is used. */
export interface OpenShell extends Shell, AsyncDisposable {
  /** How libvirt there is reached the same way. */
  readonly libvirt: LibvirtWay;
}

const COMMAND_TIMEOUT_MS = 120_000;

/** A shell on the hypervisor: this machine's own, or one OpenSSH connection for everything. */
export async function openShell(
  host: HypervisorHost,
  files: SshFiles,
  signal: AbortSignal,
): Promise<OpenShell> {
  const sudo = sudoNeeded(host);
  if (host.local) {
    return {
      run: ownRunner(sudo),
      start: (program, args) => {
        const [first = program, ...rest] = withSudo(sudo, [program, ...args]);
        return spawn(first, rest, { stdio: 'pipe' });
      },
      libvirt: { uri: 'qemu:///system', sudo },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  // A socket of our own: one that another process is just closing would take commands and not answer them.
  const sshControl = `${controlFolder(files)}/${randomBytes(6).toString('hex')}`;
  const options = [
    ...['-F', files.config, '-o', 'BatchMode=yes', '-o', 'ControlMaster=auto', '-o', 'ControlPersist=60'],
    ...['-o', `ControlPath=${sshControl}`],
  ];
  // Whoever comes first brings the connection, which stays without it: none of those that follow can end it.
  const first = await runCommand('ssh', [...options, '--', host.name, 'true'], {
    signal,
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
  if (first.code === SSH_FAILED) throw unreachable(host, first, files.config);
  const shell = ['exec', ...withSudo(sudo, ['sh'])].join(' ');
  const workers = new ShellWorkers(['ssh', ...options, '--', host.name, shell]);
  return {
    async run(program, args, { signal: given, timeoutMs = COMMAND_TIMEOUT_MS, input }) {
      const line = [program, ...args].map(quote).join(' ');
      const what = `${program} on ${host.name}`;
      const result = await workers.run(line, { what, signal: given, timeoutMs, input });
      if (result.code === SSH_FAILED) throw unreachable(host, result, files.config);
      return result;
    },
    start(program, args) {
      const line = withSudo(sudo, [program, ...args])
        .map(quote)
        .join(' ');
      return spawn('ssh', [...options, '--', host.name, line], { stdio: 'pipe' });
    },
    libvirt: { uri: `qemu+ssh://${host.name}/system`, sshConfig: files.config, sshControl, sudo },
    async [Symbol.asyncDispose]() {
      await workers[Symbol.asyncDispose]();
      const args = [...options, '-O', 'exit', host.name];
      await runCommand('ssh', args, { signal: new AbortController().signal, timeoutMs: 10_000 });
    },
  };
}

/** One word of a command line of a POSIX shell, whatever is in it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function sudoNeeded(host: HypervisorHost): boolean {
  const isRoot = host.local ? process.getuid?.() === 0 : host.user === 'root';
  return host.become && !isRoot;
}

function withSudo(sudo: boolean, command: readonly string[]): readonly string[] {
  return sudo ? ['sudo', '-n', '--', ...command] : command;
}

function ownRunner(sudo: boolean): Shell['run'] {
  return (program, args, { signal, timeoutMs = COMMAND_TIMEOUT_MS, input }) => {
    const [first = program, ...rest] = withSudo(sudo, [program, ...args]);
    return runCommand(first, rest, { signal, timeoutMs, input });
  };
}

/** What ssh itself ends with; no program of ours does. */
const SSH_FAILED = 255;

function unreachable(host: HypervisorHost, { stderr }: ShellResult, config: string): HypervisorError {
  const reason = stderr.trim().split('\n').at(-1)?.trim() || 'ssh did not say why';
  const remedy = /host key|REMOTE HOST IDENTIFICATION/i.test(stderr)
    ? `Its host key is not the known one: compare it, then correct ${path.dirname(config)}/known_hosts.`
    : `See what \`ssh -F ${config} ${host.name}\` says.`;
  return new HypervisorError(
    host.name,
    `${host.name} (${host.address}) cannot be reached by SSH: ${reason}.`,
    remedy,
  );
}

/** Sockets have short paths: where the state directory's is too long, a private folder beside other temporary files. */
function controlFolder({ folder }: SshFiles): string {
  const own = path.join(folder, 'cp');
  const short = own.length <= 70 ? own : path.join(tmpdir(), `olympus-ssh-${process.getuid?.() ?? 'user'}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  const { uid } = lstatSync(short);
  if (process.getuid && uid !== process.getuid())
    throw new Error(`${short} belongs to somebody else: remove it.`);
  chmodSync(short, 0o700);
  return short;
}

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { SshAccess } from '#integrations/ssh/access.ts';
import { CliError } from '../cli-error.ts';

/** What OpenSSH ends with when it could not do its part, as against what it ran. */
export const SSH_FAILED = 255;

/** A program of ours that runs until it ends or is told to. */
export interface Running {
  readonly child: ChildProcess;
  /** The exit code, as a shell would say it. Rejects with a sentence when it could not be started. */
  readonly exit: Promise<{ readonly code: number }>;
}

/** Starts `ssh` with `args`, reading the configuration that Ansible and every other part read. */
export function openSsh(
  access: SshAccess,
  args: readonly string[],
  stdio: StdioOptions,
  signal: AbortSignal,
): Running {
  return exitOf(spawn('ssh', ['-F', access.configFile, ...args], { stdio }), signal);
}

/** Ends the child when `signal` aborts, and tells how it ended. */
export function exitOf(child: ChildProcess, signal: AbortSignal): Running {
  const onAbort = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', onAbort, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number }>();
  child.once('error', (error) => reject(notStarted(error)));
  child.once('close', (code, killedBy) => {
    signal.removeEventListener('abort', onAbort);
    resolve({ code: code ?? 128 + (killedBy ? constants.signals[killedBy] : 0) });
  });
  // Whoever waits is told; nobody has to.
  promise.catch(() => undefined);
  return { child, exit: promise };
}

/** What ssh's complaint about `machine` means, and what to do. */
export function sshFailure(machine: string, complaint: string, access: SshAccess): CliError {
  if (/failed to execute ssh/.test(complaint)) return noProgram('ssh');
  const last = complaint.trim().split('\n').at(-1)?.replace(/\.$/, '') ?? '';
  if (/host key verification failed|REMOTE HOST IDENTIFICATION/i.test(complaint)) {
    return new CliError(
      `${machine} shows a host key that is not the one in ${access.knownHostsFile}, so nothing was sent to it.`,
      'Either another machine answers at its address, or it was made anew by somebody else. When you know that it is yours, write the keys anew with `olympus ssh-config`.',
    );
  }
  if (/permission denied/i.test(complaint)) {
    return new CliError(
      `${machine} does not let us in: ${last}.`,
      'Setting the machine up again puts our key there.',
    );
  }
  return new CliError(
    `${machine} cannot be reached: ${last || 'ssh ended without a word'}.`,
    'Does it run? `olympus doctor` looks at it and at its hypervisor.',
  );
}

function notStarted(error: Error & { code?: string; path?: string }): Error {
  return error.code === 'ENOENT' && error.path ? noProgram(error.path, error) : error;
}

const PACKAGES: Readonly<Record<string, string>> = {
  ssh: 'openssh-client',
  setpriv: 'util-linux',
  tail: 'coreutils',
};

function noProgram(program: string, cause?: Error): CliError {
  return new CliError(
    `There is no ${program} program on this machine.`,
    `Install it: \`apt-get install ${PACKAGES[program] ?? program}\`.`,
    { cause },
  );
}

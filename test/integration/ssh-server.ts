import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { choosePort } from '#lab/local/ports.ts';
import { waitFor } from '#test/wait.ts';

const run = promisify(execFile);

/** What a test's sshd has otherwise than every one. */
export interface SshServerOptions {
  /** Lines of sshd_config. */
  readonly lines?: readonly string[];
  /** Where sessions find programs, instead of sshd's own path. */
  readonly programs?: string;
  /** In front of the command, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  readonly port?: number;
}

/** A real sshd on the loopback interface that lets the key of `stateDir` in, as the user who runs the test. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** Its public host key, as known_hosts wants it after the name. */
  readonly hostKey: string;
  /** Ends every connection that is open now. */
  cut(): Promise<void>;
}

/** Starts an sshd with a host key of its own, and resolves when it answers. */
export async function startSshServer(
  stateDir: string,
  name: string,
  { lines = [], programs, prefix = [], port: wanted = 0 }: SshServerOptions = {},
): Promise<SshServer> {
  const dir = path.join(stateDir, 'sshd', name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // sshd as root wants it; on a machine without a running sshd it is not there.
  await mkdir('/run/sshd', { recursive: true });
  const hostKeyFile = await makeKey(path.join(dir, 'host_key'));
  await copyFile(`${await clientKey(stateDir)}.pub`, path.join(dir, 'authorized_keys'));
  const port = wanted || (await choosePort(0));
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PidFile none',
    // Not what the person who runs the tests has in a .bashrc, which takes seconds for some.
    `SetEnv HOME=${dir}${programs ? ` PATH=${programs}` : ''}`,
    ...lines,
    '',
  ];
  await writeFile(path.join(dir, 'sshd_config'), config.join('\n'));
  const [command = '', ...args] = [...prefix, '/usr/sbin/sshd', '-D', '-e', '-f', `${dir}/sshd_config`];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  await waitFor('sshd to listen', () => log.includes('Server listening'));
  return {
    port,
    hostKey: (await readFile(`${hostKeyFile}.pub`, 'utf8')).split(' ').slice(0, 2).join(' '),
    async cut() {
      const sessions = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      for (const pid of sessions.split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** A machine as `olympus ssh-config` writes it down. */
export interface WrittenMachine {
  readonly name: string;
  readonly port: number;
  /** Nothing for a machine whose key is not known. */
  readonly hostKey?: string;
  readonly lines?: readonly string[];
}

/** Writes `ssh/config` and `ssh/known_hosts` of a state directory. */
export async function writeSshState(stateDir: string, machines: readonly WrittenMachine[]): Promise<void> {
  const dir = path.join(stateDir, 'ssh');
  const identity = await clientKey(stateDir);
  const blocks = machines.map(({ name, port, lines = [] }) =>
    [
      `Host ${name}`,
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      `  User ${userInfo().username}`,
      `  HostKeyAlias ${name}`,
      ...lines.map((line) => `  ${line}`),
    ].join('\n'),
  );
  const everywhere = [
    'Host *',
    `  IdentityFile ${identity}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${dir}/known_hosts`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  BatchMode yes',
    '  ConnectTimeout 10',
    '',
  ].join('\n');
  await writeFile(path.join(dir, 'config'), `${[...blocks, everywhere].join('\n')}\n`);
  await writeFile(path.join(dir, 'known_hosts'), '');
  for (const { name, hostKey } of machines) {
    if (hostKey) await appendFile(path.join(dir, 'known_hosts'), `${name} ${hostKey}\n`);
  }
}

/** Makes the key that machines let in, once. */
async function clientKey(stateDir: string): Promise<string> {
  await mkdir(path.join(stateDir, 'ssh'), { recursive: true, mode: 0o700 });
  return makeKey(path.join(stateDir, 'ssh', 'id_ed25519'));
}

async function makeKey(file: string): Promise<string> {
  const there = await readFile(file).catch(() => undefined);
  if (!there) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  return file;
}

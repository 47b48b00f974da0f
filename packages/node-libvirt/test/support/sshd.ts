import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

/** A real sshd on the loopback interface that lets one key in, and a client's configuration for it. */
export class Sshd implements AsyncDisposable {
  readonly port: number;
  readonly user = userInfo().username;
  /** Names the key and the known host, as the host `there`. */
  readonly config: string;
  /** The same, with a host key that is not its own. */
  readonly wrongConfig: string;
  readonly #dir: string;
  readonly #child: ChildProcess;

  private constructor(dir: string, port: number, child: ChildProcess) {
    this.#dir = dir;
    this.port = port;
    this.#child = child;
    this.config = this.#writeConfig('config', 'host');
    this.wrongConfig = this.#writeConfig('wrong', 'client');
  }

  static async start(): Promise<Sshd> {
    const dir = mkdtempSync(path.join(tmpdir(), 'sshd-'));
    // sshd as root wants it; on a machine without a running sshd it is not there.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    for (const key of ['host', 'client']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(dir, key)]);
    }
    const port = await freePort();
    writeFileSync(
      path.join(dir, 'sshd_config'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${dir}/host`,
        `AuthorizedKeysFile ${dir}/client.pub`,
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'PidFile none',
        // Not what the person who runs the tests has in a .bashrc.
        `SetEnv HOME=${dir}`,
        '',
      ].join('\n'),
    );
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path.join(dir, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const text of child.stderr) if (String(text).includes('Server listening')) break;
    return new Sshd(dir, port, child);
  }

  /** Ends every session that is open now. */
  cut(): void {
    const { pid } = this.#child;
    const sessions = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    for (const session of sessions) process.kill(Number(session), 'SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #writeConfig(name: string, hostKey: string): string {
    const file = path.join(this.#dir, name);
    const key = readFileSync(path.join(this.#dir, `${hostKey}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
    writeFileSync(`${file}.hosts`, `there ${key}\n`);
    const lines = [
      'Host there',
      '  HostName 127.0.0.1',
      '  HostKeyAlias there',
      `  Port ${this.port}`,
      `  IdentityFile ${this.#dir}/client`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${file}.hosts`,
      '',
    ];
    writeFileSync(file, lines.join('\n'));
    return file;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('there is no port');
  return address.port;
}

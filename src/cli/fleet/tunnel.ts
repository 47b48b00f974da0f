import { spawn } from 'node:child_process';
import type { SshAccess } from '#integrations/ssh/access.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { CliContext } from '../context.ts';
import { exitOf, sshFailure } from './openssh.ts';

export interface TunnelOptions {
  readonly machine: string;
  /** On 127.0.0.1 of this machine. */
  readonly port: number;
  /** On 127.0.0.1 of the other one. */
  readonly remotePort: number;
}

/** A port of this machine that leads to one of another. */
export interface Tunnel extends AsyncDisposable {
  /** Rejects with a sentence once the tunnel has ended by itself. */
  readonly ended: Promise<never>;
  /** Resolves once a GET of `path` through the tunnel is answered; rejects with `silent` when it is not in time. */
  untilAnswered(path: string, timeoutMs: number, silent: () => Error): Promise<void>;
}

const RETRY_MS = 200;
const ANSWER_TIMEOUT_MS = 10_000;

/** Starts an OpenSSH tunnel, which ends with this process, however that ends. */
export function openTunnel(
  { machine, port, remotePort }: TunnelOptions,
  access: SshAccess,
  { signal, clock }: Pick<CliContext, 'signal' | 'clock'>,
): Tunnel {
  const forward = `127.0.0.1:${port}:127.0.0.1:${remotePort}`;
  const closing = new AbortController();
  const options = ['-F', access.configFile, '-N', '-o', 'ExitOnForwardFailure=yes', '-o', 'ControlPath=none'];
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'TERM', '--', 'ssh', ...options, '-L', forward, '--', machine],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4000);
  });
  const over = AbortSignal.any([signal, closing.signal]);
  const { exit } = exitOf(child, over);
  const ended = exit.then((): never => {
    throw sshFailure(machine, complaint, access);
  });
  // Only who still uses the tunnel wants to know.
  ended.catch(() => undefined);
  const answered = async (path: string, until: AbortSignal): Promise<boolean> => {
    const impatient = AbortSignal.any([until, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    return fetch(`http://127.0.0.1:${port}${path}`, { signal: impatient }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
  };
  return {
    ended,
    async untilAnswered(path, timeoutMs, silent) {
      const asking = withDeadline(`GET ${path}`, timeoutMs, over, async (until) => {
        while (!(await answered(path, until))) {
          until.throwIfAborted();
          await clock.sleep(RETRY_MS, until);
        }
      }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error instanceof Error && error.name === 'DeadlineError' ? silent() : error;
      });
      await Promise.race([asking, ended]);
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await exit.catch(() => undefined);
    },
  };
}

import { execFile } from 'node:child_process';
import { SshError } from './ssh-error.ts';

/** What OpenSSH would do to reach a machine: the part of `ssh -G` that we follow. */
export interface EffectiveConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The name its host key is known by. */
  readonly hostKeyAlias: string;
  /** Files with host keys, in one line, as OpenSSH prints them: a space may be part of a name. */
  readonly knownHostsFiles: string;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** A shell command whose input and output are the connection. */
  readonly proxyCommand?: string;
}

const TIMEOUT_MS = 10_000;

/** Asks OpenSSH how it would reach `machine`, so that its configuration has one reader. */
export async function effectiveConfig(
  configFile: string,
  machine: string,
  signal: AbortSignal,
): Promise<EffectiveConfig> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(
    'ssh',
    ['-G', '-F', configFile, '--', machine],
    { signal, timeout: TIMEOUT_MS },
    (error, stdout, stderr) => {
      if (error) reject(signal.aborted ? signal.reason : explained(error, stderr, machine, configFile));
      else resolve(stdout);
    },
  );
  return parseEffectiveConfig(await promise, machine, configFile);
}

/** Parses what `ssh -G` printed about `machine`. */
export function parseEffectiveConfig(text: string, machine: string, configFile: string): EffectiveConfig {
  const options = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space < 0) continue;
    const name = line.slice(0, space);
    options.set(name, [...(options.get(name) ?? []), line.slice(space + 1)]);
  }
  const first = (name: string): string | undefined => options.get(name)?.[0];
  const given = (name: string): string | undefined => (first(name) === 'none' ? undefined : first(name));
  const host = first('hostname') ?? machine;
  const port = Number(first('port') ?? 22);
  const user = first('user') ?? '';
  const jump = given('proxyjump');
  const command = given('proxycommand') ?? (jump ? jumpCommand(jump, configFile) : undefined);
  return {
    host,
    port,
    user,
    hostKeyAlias: given('hostkeyalias') ?? (port === 22 ? host : `[${host}]:${port}`),
    knownHostsFiles: given('userknownhostsfile') ?? '',
    identityFiles: options.get('identityfile') ?? [],
    identitiesOnly: first('identitiesonly') === 'yes',
    ...(command === undefined
      ? {}
      : { proxyCommand: expanded(command, { h: host, p: String(port), r: user, n: machine, '%': '%' }) }),
  };
}

/** The same as a ProxyJump, which is how OpenSSH carries it out itself. */
function jumpCommand(jump: string, configFile: string): string {
  const hops = jump.split(',');
  const last = hops.pop() ?? '';
  const before = hops.length > 0 ? `-J '${hops.join(',')}' ` : '';
  return `ssh -F '${configFile}' ${before}-W '[%h]:%p' '${last}'`;
}

function expanded(command: string, values: Readonly<Record<string, string>>): string {
  return command.replaceAll(/%(.)/g, (whole, letter: string) => values[letter] ?? whole);
}

function explained(
  error: Error & { code?: unknown },
  stderr: string,
  machine: string,
  configFile: string,
): SshError {
  if (error.code === 'ENOENT') return noSshError(machine);
  return new SshError(
    'not_configured',
    machine,
    `ssh cannot read ${configFile}: ${stderr.trim() || error.message}.`,
    'Write it anew with `olympus ssh-config`.',
    { cause: error },
  );
}

/** There is no `ssh` to run. */
function noSshError(machine: string): SshError {
  return new SshError(
    'no_ssh',
    machine,
    'There is no ssh program on this machine.',
    'Install it: `apt-get install openssh-client`.',
  );
}

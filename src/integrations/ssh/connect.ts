import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import ssh2, { type Client } from 'ssh2';
import { DeadlineError, withDeadline } from '#lib/deadline.ts';
import type { SshAccess } from './access.ts';
import { SshConnection } from './connection.ts';
import { type EffectiveConfig, effectiveConfig } from './effective-config.ts';
import { algorithmsFor, type KnownKey, knownKeys } from './known-hosts.ts';
import { atHome, type Login, readLogin } from './login.ts';
import { ProxyProcess } from './proxy-process.ts';
import { SshError } from './ssh-error.ts';

export interface ConnectOptions {
  readonly access: SshAccess;
  /** The machine's name in the configuration. */
  readonly machine: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What is known of an attempt, for the sentence about its failure. */
interface Attempt {
  readonly options: ConnectOptions;
  readonly config: EffectiveConfig;
  readonly login: Login;
  /** The fingerprint of a key that was shown and is not known. */
  strangeKey?: string;
}

/** A minute of silence is the end; a busy emulated machine may well be silent for half of it. */
const KEEPALIVE = { keepaliveInterval: 15_000, keepaliveCountMax: 4 };

/**
 * Connects to a machine as `ssh -F <configFile> <machine>` would, and resolves once it has logged in.
 * INVARIANT: a host key that known_hosts does not have for this machine is refused before anything is sent.
 */
export async function connectSsh(options: ConnectOptions): Promise<SshConnection> {
  const { access, machine, timeoutMs, signal } = options;
  const config = await effectiveConfig(access.configFile, machine, signal);
  const keys = await keysOf(config, access);
  if (algorithmsFor(keys).length === 0) throw unknownKey(machine, config, access);
  const login = await readLogin(config, access);
  if (login.methods.length === 0) throw noLogin(machine, config);
  const attempt: Attempt = { options, config, login };
  const proxy = config.proxyCommand === undefined ? undefined : new ProxyProcess(config.proxyCommand);
  const client = new ssh2.Client();
  // Whatever happens to the connection later also ends it, and is told to who uses it: see SshConnection.
  client.on('error', () => undefined);
  try {
    await withDeadline(`connecting to ${machine}`, timeoutMs, signal, () =>
      established(client, attempt, keys, proxy),
    );
  } catch (error) {
    client.destroy();
    const complaint = await proxy?.end();
    signal.throwIfAborted();
    throw explained(error, attempt, complaint);
  }
  client.setNoDelay(true);
  return new SshConnection(machine, client, proxy);
}

async function established(
  client: Client,
  attempt: Attempt,
  keys: readonly KnownKey[],
  proxy: ProxyProcess | undefined,
): Promise<void> {
  const { config, login } = attempt;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.once('ready', resolve);
  client.once('close', () => reject(new Error('the connection was closed')));
  client.on('error', (error: Error & { level?: string }) => {
    // An agent that does not answer is one way less to log in.
    if (error.level !== 'agent') reject(error);
  });
  client.connect({
    ...(proxy ? { sock: proxy.stream } : { host: config.host, port: config.port }),
    username: config.user,
    authHandler: [...login.methods],
    algorithms: { serverHostKey: algorithmsFor(keys) },
    hostVerifier: (key: Buffer) => {
      const known = keys.some((each) => each.key === key.toString('base64'));
      if (!known) attempt.strangeKey = fingerprint(key);
      return known;
    },
    ...KEEPALIVE,
    // The deadline around this is the only one.
    readyTimeout: 0,
  });
  await promise;
}

/** The keys that the files of the configuration, ours first, have for a machine. */
async function keysOf(config: EffectiveConfig, { knownHostsFile }: SshAccess): Promise<KnownKey[]> {
  const given = config.knownHostsFiles;
  const others = given.replace(knownHostsFile, ' ').split(/\s+/).filter(Boolean);
  const files = [...(given.includes(knownHostsFile) ? [knownHostsFile] : []), ...others];
  const texts = await Promise.all(files.map((file) => readText(atHome(file))));
  return knownKeys(texts.join('\n'), config.hostKeyAlias);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function unknownKey(machine: string, { hostKeyAlias }: EffectiveConfig, access: SshAccess): SshError {
  return new SshError(
    'host_key',
    machine,
    `${access.knownHostsFile} has no host key for ${hostKeyAlias}, and an unknown machine is never trusted.`,
    hostKeyAlias === machine
      ? 'Write the keys of the machines of the inventory with `olympus ssh-config`.'
      : `Log in once and compare the fingerprint that it shows: ssh -F ${access.configFile} -o StrictHostKeyChecking=ask ${machine}`,
  );
}

function noLogin(machine: string, { user, identityFiles }: EffectiveConfig): SshError {
  return new SshError(
    'refused',
    machine,
    `There is no key to log in to ${machine} as ${user}: none of ${identityFiles.join(', ')} can be read, or they have a passphrase.`,
    'Make ours with `olympus ssh-config`, or load yours with `ssh-add`.',
  );
}

function explained(error: unknown, attempt: Attempt, complaint: string | undefined): SshError {
  const { options, config, login, strangeKey } = attempt;
  const { machine, access, timeoutMs } = options;
  const fail = (kind: SshError['kind'], message: string, remedy: string): SshError =>
    new SshError(kind, machine, message, remedy, { cause: error });
  if (strangeKey !== undefined || failedBeforeKeys(error)) {
    return fail(
      'host_key',
      `${machine} shows a host key that is not the one in ${access.knownHostsFile} (${strangeKey ?? 'of another type'}), so nothing was sent to it.`,
      'Either another machine answers at its address, or it was made anew by somebody else. When you know that it is yours, write the keys anew with `olympus ssh-config`.',
    );
  }
  if (error instanceof Error && 'level' in error && error.level === 'client-authentication') {
    return fail(
      'refused',
      `${machine} does not let ${config.user} in with ${login.tried.join(', ')}.`,
      `Is the public key in ~${config.user}/.ssh/authorized_keys there? Setting the machine up again puts it there.`,
    );
  }
  const at = `${machine} (${config.host}, port ${config.port})`;
  const remedy = `Does it run? \`olympus doctor\` looks at its hypervisor too. To see more: ssh -v -F ${access.configFile} ${machine}`;
  if (error instanceof DeadlineError) {
    return fail('timeout', `${at} did not answer within ${timeoutMs / 1000} s.`, remedy);
  }
  const reason = complaint || reasonOf(error);
  return fail('unreachable', `${at} cannot be reached: ${reason}.`, remedy);
}

/** The server has no key of a type we know for it. */
function failedBeforeKeys(error: unknown): boolean {
  return error instanceof Error && /no matching host key format/i.test(error.message);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to its network',
  ENOTFOUND: 'its name is not known',
  ETIMEDOUT: 'nothing came back',
  ECONNRESET: 'the connection was cut',
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  // What a ProxyCommand such as nc leaves us with when it found nobody.
  if (/lost before handshake|connection was closed/.test(error.message)) return 'nothing answers there';
  return REASONS[code] ?? error.message;
}

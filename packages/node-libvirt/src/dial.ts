import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { Duplex, Writable } from 'node:stream';

/** A way to a daemon, over which its protocol is spoken. */
export interface Dialled {
  readonly stream: Duplex;
  /** What the program on the way has said, at its end. */
  readonly said: () => string;
  /** How the daemon knows what is opened: `qemu:///system`. */
  readonly name: string;
}

export interface DialOptions {
  /** The configuration file of ssh, instead of the user's own. */
  readonly sshConfig?: string | undefined;
  /** The socket of an ssh that is connected there already, whose connection is used. */
  readonly sshControl?: string | undefined;
  /** Speaks to the daemon as root by `sudo -n`, where the user is not let in. */
  readonly sudo?: boolean | undefined;
}

/** Where a URI leads. */
export interface Target {
  readonly name: string;
  /** Of the daemon; where none is named, its usual one. */
  readonly socket: string | undefined;
  readonly ssh:
    | {
        readonly host: string;
        readonly user: string | undefined;
        readonly port: string | undefined;
        readonly keyFile: string | undefined;
        readonly knownHosts: string | undefined;
      }
    | undefined;
}

const URI =
  /^(?<driver>qemu|test)(?:\+(?<transport>unix|ssh))?:\/\/(?:(?<user>[\w.-]+)@)?(?<host>[\w.-]+|\[[\da-fA-F:]+\])?(?::(?<port>\d+))?(?<path>\/[\w/-]*)(?:\?(?<query>.*))?$/;
const SOCKET = '/run/libvirt/libvirt-sock';
/** Others run any program there is: `command`, `netcat`, or take host keys on trust: `no_verify`. */
const PARAMETERS: readonly string[] = ['keyfile', 'known_hosts', 'socket'];
const PATH = /^\/[\w./-]+$/;
/** Of what ssh says. */
const KEPT = 4096;

/** Reads a URI of libvirt. Throws a TypeError for every other than these, and for parameters that are not known to be harmless. */
export function targetOf(uri: string): Target {
  const { driver, transport, user, host, port, path, query } = URI.exec(uri)?.groups ?? {};
  if (driver === undefined || path === undefined)
    throw new TypeError(`${uri} is not a URI of libvirt that is known here`);
  const parameters = new URLSearchParams(query);
  for (const [name, value] of parameters) {
    if (!PARAMETERS.includes(name)) throw new TypeError(`${uri}: the parameter ${name} is not allowed`);
    if (!PATH.test(value)) throw new TypeError(`${uri}: ${name} is not the path of a file`);
  }
  const target = { name: `${driver}://${path}`, socket: parameters.get('socket') ?? undefined };
  if (transport !== 'ssh') {
    if (host !== undefined) throw new TypeError(`${uri}: write ${driver}+ssh:// to reach another host`);
    return { ...target, ssh: undefined };
  }
  if (host === undefined || host.startsWith('-') || user?.startsWith('-')) {
    throw new TypeError(`${uri}: no host is named`);
  }
  const keyFile = parameters.get('keyfile') ?? undefined;
  const knownHosts = parameters.get('known_hosts') ?? undefined;
  return { ...target, ssh: { host, user, port, keyFile, knownHosts } };
}

/** The arguments of ssh for a target: never a terminal, never a question, host keys always checked. */
export function sshArguments(target: Target, options: DialOptions = {}): string[] {
  const { name, ssh } = target;
  const { sshConfig, sshControl } = options;
  if (!ssh) throw new TypeError(`${name} is on this machine`);
  const { host, user, port, keyFile, knownHosts } = ssh;
  return [
    ...(sshConfig ? ['-F', sshConfig] : []),
    ...['-T', '-e', 'none', '-o', 'BatchMode=yes'],
    ...['-o', 'ConnectTimeout=10', '-o', 'StrictHostKeyChecking=yes'],
    ...['-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=3'],
    ...(sshControl ? ['-o', `ControlPath=${sshControl}`] : []),
    ...(port ? ['-p', port] : []),
    ...(user ? ['-l', user] : []),
    ...(keyFile ? ['-i', keyFile, '-o', 'IdentitiesOnly=yes'] : []),
    ...(knownHosts ? ['-o', `UserKnownHostsFile=${knownHosts}`] : []),
    ...[
      '--',
      host.replaceAll(/[[\]]/g, ''),
      `${options.sudo ? `${SUDO.join(' ')} ` : ''}sh -c "${helperOf(target)}"`,
    ],
  ];
}

const SUDO = ['sudo', '-n', '--'] as const;

/** What leads from a shell to the daemon: its own helper knows where it is, but takes no socket. */
function helperOf({ name, socket }: Target): string {
  if (socket) return `exec nc -U ${socket}`;
  return `if command -v virt-ssh-helper >/dev/null 2>&1; then exec virt-ssh-helper '${name}'; else exec nc -U ${SOCKET}; fi`;
}

/** Opens the way; what fails on it ends the stream. */
export function dial(target: Target, options: DialOptions = {}): Dialled {
  const { name, socket, ssh } = target;
  if (ssh) return { ...through('ssh', sshArguments(target, options)), name };
  if (!options.sudo) return { stream: createConnection(socket ?? SOCKET), said: () => '', name };
  const [sudo, ...arguments_] = SUDO;
  return { ...through(sudo, [...arguments_, 'sh', '-c', helperOf(target)]), name };
}

function through(program: string, args: readonly string[]): Omit<Dialled, 'name'> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  child.stdin.on('error', () => undefined);
  const writable = new Writable({
    // A program that ends closes its pipe before it is known why: what it has said comes first, and then its end.
    write: (chunk, encoding, done) => {
      child.stdin.write(chunk, encoding, (error) => {
        if (!error) done();
      });
    },
    final: (done) => void child.stdin.end(done),
  });
  const stream = Duplex.from({ readable: child.stdout, writable });
  child.once('error', (error) => stream.destroy(error));
  child.once('close', () => stream.destroy());
  stream.once('close', () => child.kill());
  return { stream, said: () => said.trim() };
}

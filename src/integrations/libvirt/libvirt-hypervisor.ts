import {
  type CallOptions,
  type Connection,
  type DomainRef,
  type DomainState,
  errorCodes,
  LibvirtError,
} from '#node-libvirt';
import { parseDomain } from './domain-xml.ts';
import { type Domain, type Hypervisor, HypervisorError, type Shell } from './hypervisor.ts';
import { HypervisorFiles } from './hypervisor-files.ts';
import { lockFolder } from './hypervisor-lock.ts';
import { LibvirtSession, type LibvirtWay } from './libvirt-session.ts';
import { notThere, snapshotsOf } from './libvirt-snapshots.ts';

export interface LibvirtHypervisorOptions {
  readonly name: string;
  /** Leads there: the files that machines are made of are looked after with programs of the hypervisor. */
  readonly shell: Shell;
  readonly libvirt: LibvirtWay;
  /** Everything that is changed there is in here, but for the domains. */
  readonly folder: string;
}

const STATES: Readonly<Record<DomainState, Domain['state']>> = {
  running: 'running',
  blocked: 'running',
  paused: 'paused',
  pmsuspended: 'paused',
  shutdown: 'stopping',
  shutoff: 'off',
  crashed: 'off',
  nostate: 'off',
};

const GIB = 1024n ** 3n;
/** sbin is not in everybody's path. */
const HAS_LIBVIRT =
  'PATH=$PATH:/usr/sbin:/sbin; if command -v libvirtd || command -v virtqemud; then echo yes; else echo no; fi';

/** A hypervisor through libvirt's protocol, on one connection, and a shell for its files. */
export function libvirtHypervisor({
  name,
  shell,
  libvirt: way,
  folder,
}: LibvirtHypervisorOptions): Hypervisor & AsyncDisposable {
  const files = new HypervisorFiles(name, shell);
  const session = new LibvirtSession(name, way);
  /** Does something to a domain, which has to be there. */
  const on = (
    doing: string,
    domain: string,
    signal: AbortSignal,
    work: (libvirt: Connection, ref: DomainRef, options: CallOptions) => Promise<unknown>,
  ): Promise<void> =>
    session.use(`${doing} the domain ${domain}`, signal, async (libvirt, options) => {
      const ref = await libvirt.domains.find(domain, options);
      if (!ref) throw notThere(name, domain);
      await work(libvirt, ref, options);
    });
  return {
    name,
    lock: (options, signal) => lockFolder(name, shell, folder, { ...options, signal }),
    domain: (domain, signal) =>
      session.use(`looking at the domain ${domain}`, signal, (libvirt, options) =>
        lookAt(libvirt, domain, options),
      ),
    define: (xml, signal) =>
      session.use('defining a domain', signal, async ({ domains }, options) => {
        await domains.define(xml, options);
      }),
    start: (domain, signal) =>
      on('starting', domain, signal, ({ domains }, ref, options) => domains.start(ref, options)),
    resume: (domain, signal) =>
      on('resuming', domain, signal, ({ domains }, ref, options) =>
        // One that somebody was just starting is paused for a moment, and runs by itself.
        unlessAlready('running', domains.resume(ref, options), () => domains.state(ref, options)),
      ),
    shutdown: (domain, signal) =>
      on('shutting down', domain, signal, ({ domains }, ref, options) =>
        domains.shutdown(ref, undefined, options),
      ),
    powerOff: (domain, signal) =>
      session.use(`powering off the domain ${domain}`, signal, (libvirt, options) =>
        powerOff(libvirt, domain, options),
      ),
    setAutostart: (domain, isOn, signal) =>
      on('setting the autostart of', domain, signal, ({ domains }, ref, options) =>
        domains.setAutostart(ref, isOn, options),
      ),
    setLiveMemory: (domain, memoryKib, signal) =>
      on('setting the memory of', domain, signal, ({ domains }, ref, options) =>
        domains.setMemory(ref, BigInt(memoryKib), 'live', options),
      ),
    undefine: (domain, signal) =>
      on('undefining', domain, signal, ({ domains }, ref, options) =>
        domains.undefine(ref, undefined, options),
      ),
    ...snapshotsOf(name, session),
    hasLibvirt: (signal) => hasLibvirt(name, shell, signal),
    hasKvm: (kernel, signal) => files.hasKvm(kernel, signal),
    look: (wanted, signal) => files.look(wanted, signal),
    createOverlay: (file, base, sizeGib, signal) => files.createOverlay(file, base, sizeGib, signal),
    createDataDisk: (file, label, sizeGib, signal) => files.createDataDisk(file, label, sizeGib, signal),
    growDisk: (file, sizeGib, attached, signal) => {
      if (!attached) return files.growDisk(file, sizeGib, signal);
      return on(`growing ${attached.target} of`, attached.domain, signal, ({ domains }, ref, options) =>
        domains.resizeDisk(ref, attached.target, BigInt(sizeGib) * GIB, options),
      );
    },
    fileSize: (file, signal) => files.size(file, signal),
    readFile: (file, signal) => files.read(file, signal),
    writeFile: (file, content, signal) => files.write(file, content, signal),
    move: (from, to, signal) => files.move(from, to, signal),
    putBack: (from, to, signal) => files.putBack(from, to, signal),
    list: (folder, signal) => files.list(folder, signal),
    remove: (file, signal) => files.remove(file, signal),
    tail: (file, lines, signal) => files.tail(file, lines, signal),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** What says neither yes nor no was not found out, and is not a no. */
async function hasLibvirt(host: string, shell: Shell, signal: AbortSignal): Promise<boolean> {
  const { stdout, stderr, code } = await shell.run('sh', ['-c', HAS_LIBVIRT], { signal });
  const said = stdout.trim().split('\n').at(-1);
  if (code === 0 && (said === 'yes' || said === 'no')) return said === 'yes';
  const reason = stderr.trim().split('\n').at(-1) || `exit code ${code}`;
  throw new HypervisorError(
    host,
    `${host}: looking for libvirt failed: ${reason}.`,
    'Run the same again; if it stays so, see what the account may run there.',
  );
}

async function lookAt(
  { domains }: Connection,
  name: string,
  options: CallOptions,
): Promise<Domain | undefined> {
  const ref = await domains.find(name, options);
  if (!ref) return undefined;
  try {
    const [number, persistent, autostart, next] = await Promise.all([
      domains.state(ref, options),
      domains.isPersistent(ref, options),
      domains.startsWithHost(ref, options),
      domains.xml(ref, 'next start', options),
    ]);
    const state = STATES[number];
    const live = state === 'off' ? undefined : parseDomain(await domains.xml(ref, 'now', options));
    return { state, persistent, autostart, defined: parseDomain(next), live };
  } catch (error) {
    // Gone since it was found.
    if (isOf(error, errorCodes.noDomain)) return undefined;
    throw error;
  }
}

async function powerOff({ domains }: Connection, name: string, options: CallOptions): Promise<void> {
  const ref = await domains.find(name, options);
  if (!ref) return;
  try {
    await unlessAlready('shutoff', domains.destroy(ref, options), () => domains.state(ref, options));
  } catch (error) {
    if (!isOf(error, errorCodes.noDomain)) throw error;
  }
}

/** A change that libvirt refuses because it is so already is done; any other reason is one. */
async function unlessAlready(
  wanted: DomainState,
  change: Promise<void>,
  state: () => Promise<DomainState>,
): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!isOf(error, errorCodes.operationInvalid) || (await state()) !== wanted) throw error;
  }
}

function isOf(error: unknown, code: number): boolean {
  return error instanceof LibvirtError && error.code === code;
}

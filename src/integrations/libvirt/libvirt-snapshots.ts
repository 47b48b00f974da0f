import type { CallOptions, Connection, SnapshotRef } from '#node-libvirt';
import { text } from './domain-xml.ts';
import { type Hypervisor, HypervisorError, type Snapshot } from './hypervisor.ts';
import type { LibvirtSession } from './libvirt-session.ts';

/** Gigabytes of memory go to a disk, or come from it. */
const TIMEOUT_MS = 30 * 60_000;

/** The snapshots of a hypervisor's domains: libvirt keeps them inside the disks (internal snapshots of qcow2). */
export function snapshotsOf(
  host: string,
  session: LibvirtSession,
): Pick<
  Hypervisor,
  'snapshots' | 'createSnapshot' | 'revertTo' | 'deleteSnapshot' | 'snapshotDefinitions' | 'redefineSnapshots'
> {
  const use = <T>(
    what: string,
    signal: AbortSignal,
    work: (libvirt: Connection, options: CallOptions) => Promise<T>,
  ): Promise<T> => session.use(what, signal, work, TIMEOUT_MS);
  return {
    snapshots: (domain, signal) =>
      use(`listing the snapshots of ${domain}`, signal, async (libvirt, options) =>
        (await oldestFirst(host, libvirt, domain, options)).map(({ snapshot }) => snapshot),
      ),
    snapshotDefinitions: (domain, signal) =>
      use(`reading the snapshots of ${domain}`, signal, async (libvirt, options) =>
        (await oldestFirst(host, libvirt, domain, options)).map(({ xml }) => xml),
      ),
    redefineSnapshots: (domain, definitions, signal) =>
      use(`defining the snapshots of ${domain} again`, signal, async (libvirt, options) => {
        const ref = await libvirt.domains.find(domain, options);
        if (!ref) throw notThere(host, domain);
        // Each is defined after the one that it was made upon.
        for (const xml of definitions) await libvirt.snapshots.redefine(ref, xml, options);
      }),
    createSnapshot: (domain, snapshot, signal) =>
      use(`making the snapshot ${snapshot} of ${domain}`, signal, async (libvirt, options) => {
        const ref = await libvirt.domains.find(domain, options);
        if (!ref) throw notThere(host, domain);
        const xml = `<domainsnapshot><name>${text(snapshot)}</name></domainsnapshot>`;
        await libvirt.snapshots.create(ref, xml, options);
      }),
    revertTo: (domain, snapshot, signal) =>
      use(`taking ${domain} back to the snapshot ${snapshot}`, signal, async (libvirt, options) =>
        libvirt.snapshots.revert(await refOf(host, libvirt, { domain, snapshot }, options), options),
      ),
    deleteSnapshot: (domain, snapshot, signal) =>
      use(`deleting the snapshot ${snapshot} of ${domain}`, signal, async (libvirt, options) =>
        libvirt.snapshots.delete(await refOf(host, libvirt, { domain, snapshot }, options), options),
      ),
  };
}

/** A domain that was there a moment ago, or was taken for granted. */
export function notThere(host: string, domain: string): HypervisorError {
  return new HypervisorError(
    host,
    `${host} has no domain ${domain}.`,
    'Somebody has removed it meanwhile: olympus apply makes it anew.',
  );
}

async function refsOf(
  host: string,
  { domains, snapshots }: Connection,
  domain: string,
  options: CallOptions,
): Promise<SnapshotRef[]> {
  const ref = await domains.find(domain, options);
  if (!ref) throw notThere(host, domain);
  return snapshots.list(ref, options);
}

async function oldestFirst(
  host: string,
  libvirt: Connection,
  domain: string,
  options: CallOptions,
): Promise<{ readonly snapshot: Snapshot; readonly xml: string }[]> {
  const refs = await refsOf(host, libvirt, domain, options);
  const found = await Promise.all(
    refs.map(async (ref) => {
      const xml = await libvirt.snapshots.xml(ref, options);
      return { snapshot: parse(ref, xml), xml };
    }),
  );
  // Within one second they stay as libvirt has them, each after the one that it was made upon.
  return found.toSorted((a, b) => a.snapshot.createdAt - b.snapshot.createdAt);
}

async function refOf(
  host: string,
  libvirt: Connection,
  { domain, snapshot }: { readonly domain: string; readonly snapshot: string },
  options: CallOptions,
): Promise<SnapshotRef> {
  const refs = await refsOf(host, libvirt, domain, options);
  const found = refs.find(({ name }) => name === snapshot);
  if (found) return found;
  const names = refs.map(({ name }) => name).join(', ');
  throw new HypervisorError(
    host,
    `${domain} on ${host} has no snapshot ${snapshot}.`,
    names ? `It has ${names}.` : 'It has none at all.',
  );
}

function parse({ name }: SnapshotRef, xml: string): Snapshot {
  const seconds = /<creationTime>(\d+)<\/creationTime>/.exec(xml)?.[1];
  const state = /<state>([^<]*)<\/state>/.exec(xml)?.[1];
  return {
    name,
    createdAt: Number(seconds ?? 0) * 1000,
    wasRunning: state === 'running' || state === 'paused',
  };
}

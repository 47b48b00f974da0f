import type { Domain, Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { machineFiles } from '../machine/machine-spec.ts';
import { parseApplied } from '../machine/plan.ts';
import {
  Destroyed,
  destroyedFile,
  parseEntry,
  TRASH,
  TRASH_MS,
  type TrashEntry,
  trashEntry,
  trashFolder,
} from './trash-entry.ts';

/** Writes down what a machine is before it is taken away. Done again after a kill, it keeps that the machine was running. */
export async function noteDestroyed(
  hypervisor: Hypervisor,
  machine: string,
  { fleet, domain }: { readonly fleet: string; readonly domain: Domain },
  signal: AbortSignal,
): Promise<void> {
  const { folder } = machineFiles(machine);
  const before = await readDestroyed(hypervisor, folder, signal);
  const applied = parseApplied(domain.defined.metadata);
  const destroyed: Destroyed = {
    fleet,
    wasRunning: domain.state !== 'off' || before?.wasRunning === true,
    ...(applied ? { applied } : {}),
  };
  await hypervisor.writeFile(destroyedFile(folder), `${JSON.stringify(destroyed)}\n`, signal);
}

/** What was written down about the machine whose files are in a folder; undefined where nothing was. */
export async function readDestroyed(
  hypervisor: Hypervisor,
  folder: string,
  signal: AbortSignal,
): Promise<Destroyed | undefined> {
  const text = await hypervisor.readFile(destroyedFile(folder), signal);
  if (text === undefined) return undefined;
  try {
    return Destroyed.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Puts a machine's files into the trash; those of one without a disk are removed. Undefined when nothing is kept. */
export async function discard(
  hypervisor: Hypervisor,
  machine: string,
  now: number,
  signal: AbortSignal,
): Promise<{ readonly removed: boolean; readonly kept?: TrashEntry }> {
  const { folder } = machineFiles(machine);
  if (!(await hasDisk(hypervisor, machine, signal)))
    return { removed: await hypervisor.remove(folder, signal) };
  const kept = trashEntry(machine, now);
  await hypervisor.move(folder, kept.folder, signal);
  return { removed: true, kept };
}

/** Whether a machine has a disk among its files. */
export async function hasDisk(
  hypervisor: Hypervisor,
  machine: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { root, data } = machineFiles(machine);
  for (const disk of [root, data]) if ((await hypervisor.fileSize(disk, signal)) !== undefined) return true;
  return false;
}

/** What is kept on a hypervisor, of one machine or of all, the latest first. */
export async function listTrash(
  hypervisor: Hypervisor,
  machine: string | undefined,
  signal: AbortSignal,
): Promise<TrashEntry[]> {
  const machines = machine === undefined ? await hypervisor.list(TRASH, signal) : [machine];
  const entries: TrashEntry[] = [];
  for (const each of machines) {
    const names = await hypervisor.list(trashFolder(each), signal);
    entries.push(...names.flatMap((name) => parseEntry(each, name) ?? []));
  }
  return entries.toSorted((a, b) => b.destroyedAt - a.destroyedAt);
}

/** What is kept of a machine of this fleet, the latest first, with what was written down about it. */
export async function trashOf(
  hypervisor: Hypervisor,
  machine: string,
  fleet: string,
  signal: AbortSignal,
): Promise<{ readonly entry: TrashEntry; readonly destroyed: Destroyed | undefined }[]> {
  const found = [];
  for (const entry of await listTrash(hypervisor, machine, signal)) {
    const destroyed = await readDestroyed(hypervisor, entry.folder, signal);
    // Another fleet may have had a machine of this name here.
    if (destroyed === undefined || destroyed.fleet === fleet) found.push({ entry, destroyed });
  }
  return found;
}

/** Removes what was kept for its time. What somebody else has put there stays. */
export async function sweepTrash(hypervisor: Hypervisor, now: number, signal: AbortSignal): Promise<void> {
  for (const { destroyedAt, folder } of await listTrash(hypervisor, undefined, signal)) {
    if (now - destroyedAt >= TRASH_MS) await hypervisor.remove(folder, signal);
  }
}

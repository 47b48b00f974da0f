import type { Domain, Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { Fleet } from '../apply/fleet.ts';
import { type MachineFiles, machineFiles } from '../machine/machine-spec.ts';
import { parseApplied } from '../machine/plan.ts';
import {
  Destroyed,
  destroyedFile,
  expiredName,
  isExpired,
  parseEntry,
  TRASH,
  TRASH_MS,
  type TrashEntry,
  trashEntry,
  trashFolder,
} from './trash-entry.ts';

/** Something that is kept, with what was written down about it. */
export interface KeptEntry extends TrashEntry {
  readonly destroyed: Destroyed;
}

/** Writes down what a machine is before it is taken away. Done again after a kill, it keeps that the machine was running. */
export async function noteDestroyed(
  hypervisor: Hypervisor,
  machine: string,
  { fleet, domain }: { readonly fleet: string; readonly domain: Domain | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { folder } = machineFiles(machine);
  const before = await readDestroyed(hypervisor, folder, signal);
  const applied = parseApplied(domain?.defined.metadata) ?? before?.applied;
  const destroyed: Destroyed = {
    fleet,
    snapshots: domain ? await hypervisor.snapshotDefinitions(machine, signal) : (before?.snapshots ?? []),
    wasRunning: (domain !== undefined && domain.state !== 'off') || before?.wasRunning === true,
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

/** Puts a machine's files into the trash, whole; undefined when there were none. */
export async function discard(
  hypervisor: Hypervisor,
  machine: string,
  now: number,
  signal: AbortSignal,
): Promise<TrashEntry | undefined> {
  const { folder } = machineFiles(machine);
  if ((await hypervisor.list(folder, signal)).length === 0) return undefined;
  const kept = trashEntry(machine, now);
  await hypervisor.move(folder, kept.folder, signal);
  return kept;
}

/** Which of its two disks a machine has, in the folder of its files or in the trash. */
export async function disksIn(
  hypervisor: Hypervisor,
  folder: string,
  signal: AbortSignal,
): Promise<('root' | 'data')[]> {
  const names = await hypervisor.list(folder, signal);
  return (['root', 'data'] as const).filter((disk) => names.includes(fileName(disk)));
}

function fileName(which: keyof MachineFiles): string {
  const files = machineFiles('any');
  return files[which].slice(files.folder.length + 1);
}

/**
 * What this fleet has in the trash of a hypervisor, of one machine or of all, the latest first. What says of itself that it
 * belongs to another fleet, or does not say, is not among it.
 */
export async function listTrash(
  hypervisor: Hypervisor,
  { fleet, machine }: { readonly fleet: string; readonly machine?: string },
  signal: AbortSignal,
): Promise<KeptEntry[]> {
  const machines = machine === undefined ? await hypervisor.list(TRASH, signal) : [machine];
  const entries: KeptEntry[] = [];
  for (const each of machines) {
    for (const name of await hypervisor.list(trashFolder(each), signal)) {
      const entry = parseEntry(each, name);
      const destroyed = entry && (await readDestroyed(hypervisor, entry.folder, signal));
      if (entry && destroyed?.fleet === fleet) entries.push({ ...entry, destroyed });
    }
  }
  return entries.toSorted((a, b) => b.destroyedAt - a.destroyedAt);
}

/** Removes an entry. Nobody who looks meanwhile finds half of it. */
export async function removeEntry(
  hypervisor: Hypervisor,
  { folder }: TrashEntry,
  signal: AbortSignal,
): Promise<void> {
  await hypervisor.move(folder, expiredName(folder), signal);
  await hypervisor.remove(expiredName(folder), signal);
}

/** Removes what this fleet has had kept for its time, and what somebody who was killed has left of such. */
export async function sweepTrash(
  hypervisor: Hypervisor,
  { fleet, now }: { readonly fleet: string; readonly now: number },
  signal: AbortSignal,
): Promise<void> {
  for (const entry of await listTrash(hypervisor, { fleet }, signal)) {
    if (now - entry.destroyedAt >= TRASH_MS) await removeEntry(hypervisor, entry, signal);
  }
  for (const machine of await hypervisor.list(TRASH, signal)) {
    for (const name of await hypervisor.list(trashFolder(machine), signal)) {
      if (isExpired(name)) await hypervisor.remove(`${trashFolder(machine)}/${name}`, signal);
    }
  }
}

/** The same beside other work, which goes on when it fails. */
export async function sweepTrashQuietly(
  { inventory, clock, signal, onProgress }: Pick<Fleet, 'inventory' | 'clock' | 'signal' | 'onProgress'>,
  hypervisor: Hypervisor,
  machine: string,
): Promise<void> {
  try {
    await sweepTrash(hypervisor, { fleet: inventory.fleet, now: clock.now() }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    onProgress({ machine, text: `the trash of ${hypervisor.name} was not emptied: ${reason}` });
  }
}

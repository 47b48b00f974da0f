import { z } from 'zod';
import { Applied, MACHINES } from '../machine/machine-spec.ts';

/** How long the disks of a machine that was destroyed are kept. */
export const TRASH_MS = 24 * 60 * 60 * 1000;

const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/;
const EXPIRED = '.expired';

/** The files of one machine as they were when it was destroyed. */
export interface TrashEntry {
  readonly machine: string;
  /** Unix ms, by the clock of the control node. */
  readonly destroyedAt: number;
  /** Its folder on the hypervisor. */
  readonly folder: string;
}

/** What is written beside the disks before a machine is taken away, so that it can be made again as it was. */
export const Destroyed = z.object({
  fleet: z.string(),
  wasRunning: z.boolean(),
  /** What its domain was defined from; not there where it had none, or another release had defined it. */
  applied: Applied.optional().catch(undefined),
  /** Its snapshots, in libvirt's words; what they hold is in the disks. */
  snapshots: z.array(z.string()).default([]),
});
export type Destroyed = z.output<typeof Destroyed>;

/** The folder of everything that was destroyed: beside the machines, so that nothing is copied to another file system. */
export const TRASH = `${MACHINES}/.trash`;

/** Where what was destroyed of a machine is kept, one folder for each time. */
export function trashFolder(machine: string): string {
  return `${TRASH}/${machine}`;
}

/** The entry that is made at a time. */
export function trashEntry(machine: string, destroyedAt: number): TrashEntry {
  const stamp = new Date(destroyedAt).toISOString().replaceAll(/[-:]/g, '');
  return { machine, destroyedAt, folder: `${trashFolder(machine)}/${stamp}` };
}

/** The entry whose folder has this name; undefined for what is none of ours, and for one that is being removed. */
export function parseEntry(machine: string, name: string): TrashEntry | undefined {
  const iso = name.replace(STAMP, '$1-$2-$3T$4:$5:$6Z');
  const destroyedAt = iso === name ? Number.NaN : Date.parse(iso);
  return Number.isNaN(destroyedAt) ? undefined : trashEntry(machine, destroyedAt);
}

/** What the folder of an entry is called while it is removed, so that nobody brings half of it back. */
export function expiredName(folder: string): string {
  return `${folder}${EXPIRED}`;
}

/** Whether somebody was killed while removing it. */
export function isExpired(name: string): boolean {
  return name.endsWith(EXPIRED) && STAMP.test(name.slice(0, -EXPIRED.length));
}

/** Where a machine's `Destroyed` is, in the folder of its files and later in the trash with them. */
export function destroyedFile(folder: string): string {
  return `${folder}/destroyed.json`;
}

import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import type { Inventory } from '#provision/inventory/inventory.ts';
import { LabError } from '../lab-error.ts';

/** The disk a lab fills: its image while it is built, and what its machines write. */
const IMAGE_MIB = 6 * 1024;
const MACHINE_MIB = 2 * 1024;
/** What the rest of this machine goes on needing. */
const SPARE_MEMORY_MIB = 768;

export interface Room {
  readonly freeMemoryMib: number;
  readonly freeDiskMib: number;
}

/** What is free on this machine, the disk being that of `folder`. */
export function roomOf(folder: string): Room {
  const { bavail, bsize } = statfsSync(folder);
  return { freeMemoryMib: freemem() / 2 ** 20, freeDiskMib: (bavail * bsize) / 2 ** 20 };
}

/** Refuses a machine that is too small for these machines, before anything is made. */
export function checkRoom(room: Room, machines: Inventory['machines']): void {
  const memory = machines.reduce((sum, { memoryMib }) => sum + memoryMib, SPARE_MEMORY_MIB);
  if (room.freeMemoryMib < memory) {
    throw new LabError(
      `The lab's machines (${machines.map(({ name }) => name).join(', ')}) need ${gib(memory)} of memory, and ${gib(room.freeMemoryMib)} are free.`,
      'End other programs, or bring up fewer agents: olympus lab up --agents athena',
    );
  }
  const disk = IMAGE_MIB + machines.length * MACHINE_MIB;
  if (room.freeDiskMib < disk) {
    throw new LabError(
      `The lab needs ${gib(disk)} of disk, and ${gib(room.freeDiskMib)} are free.`,
      'Make room, or have OLYMPUS_STATE_DIR and OLYMPUS_CACHE_DIR point to a larger disk.',
    );
  }
}

function gib(mib: number): string {
  return `${(mib / 1024).toFixed(1)} GiB`;
}

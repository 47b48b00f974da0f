import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { LabNames } from './lab-names.ts';
import { writePrivateFile } from './local/secrets.ts';
import { ProcessRecord } from './process-record.ts';

const Gate = z.object({
  process: ProcessRecord,
  /** Changes with everything the process was started with. */
  fingerprint: z.string(),
});
export type GateRecord = z.infer<typeof Gate>;

/** What a running lab consists of: written after each step, so that an interrupted one is found again. */
export const LabState = z.object({
  /** Processes of an earlier boot are gone, whatever now has their numbers. */
  bootId: z.string(),
  network: z.object({ switchAddress: z.string(), prefix: z.int(), modelPort: z.int() }).optional(),
  /** A chat server outside, and the port of the switch that leads to it; without one chat is a stand-in. */
  chat: z.object({ url: z.string(), port: z.int() }).optional(),
  hypervisors: z
    .record(z.string(), z.object({ address: z.string(), process: ProcessRecord.optional() }))
    .default({}),
  gates: z.object({ switch: Gate.optional(), machine: Gate.optional() }).default({}),
  /** Services of machines, and the ports of this machine's loopback that lead to them. */
  doors: z.array(z.object({ name: z.string(), localPort: z.int() })).default([]),
  standinPort: z.int().optional(),
  /** Which model answers, in words. */
  model: z.string().optional(),
});
export type LabState = z.infer<typeof LabState>;

/** The state as it was written, without processes that a reboot ended; undefined when there is none to be read. */
export function readLabState(names: LabNames): LabState | undefined {
  let text: string;
  try {
    text = readFileSync(stateFile(names), 'utf8');
  } catch {
    return undefined;
  }
  const parsed = LabState.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const state = parsed.data;
  if (state.bootId === bootId()) return state;
  const hypervisors = Object.entries(state.hypervisors).map(([name, { address }]) => [name, { address }]);
  return { ...state, bootId: bootId(), hypervisors: Object.fromEntries(hypervisors), gates: {} };
}

/** The state of a lab of which nothing runs. */
export function emptyLabState(): LabState {
  return { bootId: bootId(), hypervisors: {}, gates: {}, doors: [] };
}

export function writeLabState(names: LabNames, state: LabState): void {
  writePrivateFile(stateFile(names), `${JSON.stringify(state, undefined, 2)}\n`);
}

function stateFile(names: LabNames): string {
  return path.join(names.dir, 'state.json');
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Cut off by a crash; whatever runs is found by the lab's id.
  }
}

import { harmless } from '../format.ts';
import { UNITS } from './layout.ts';
import { sectionsOf } from './survey.ts';

/** A unit of Olympus on a machine. */
export interface UnitReport {
  readonly name: string;
  /** As systemd says it: active, activating, failed, inactive … */
  readonly state: string;
  /** How often systemd has started it again. */
  readonly restarts: number;
}

/** How much of a file system is left. */
interface Room {
  readonly totalMib: number;
  readonly freeMib: number;
}

/** How a machine is doing. What it did not say is absent. */
export interface MachineReport {
  readonly units: readonly UnitReport[];
  /** Units of the machine itself that have failed. */
  readonly failedUnits: readonly string[];
  readonly uptimeSeconds?: number;
  readonly load?: number;
  readonly memory?: { readonly totalMib: number; readonly availableMib: number };
  readonly disk?: Room;
  /** The data disk; absent where none is mounted. */
  readonly data?: Room;
  readonly cloudInit: 'done' | 'running' | 'absent' | { readonly errors: readonly string[] };
}

/** Prints everything that a MachineReport holds, at once: on an emulated machine each login costs seconds. */
export const MACHINE_COMMAND = [
  'export LC_ALL=C',
  'echo @uptime; cat /proc/uptime',
  'echo @load; cat /proc/loadavg',
  'echo @memory; cat /proc/meminfo',
  'echo @disk; df -Pk / /data',
  `echo @units; systemctl show -p Id -p LoadState -p ActiveState -p NRestarts ${UNITS.join(' ')}`,
  'echo @failed; systemctl list-units --failed --plain --no-legend',
  'echo @cloud-init; ls -d /run/cloud-init; cat /run/cloud-init/result.json',
].join('; ');

/** Reads what that command printed. */
export function parseMachineReport(text: string): MachineReport {
  const sections = sectionsOf(text);
  const section = (name: string): string => sections.get(name) ?? '';
  const memory = memoryOf(section('memory'));
  const [disk, data] = ['/', '/data'].map((mount) => roomOf(section('disk'), mount));
  return {
    units: unitsOf(section('units')),
    failedUnits: section('failed')
      .split('\n')
      .flatMap((line) => harmless(line.trim()).split(/\s+/)[0] || []),
    ...numberAt('uptimeSeconds', section('uptime')),
    ...numberAt('load', section('load')),
    ...(memory ? { memory } : {}),
    ...(disk ? { disk } : {}),
    ...(data ? { data } : {}),
    cloudInit: cloudInitOf(section('cloud-init')),
  };
}

function unitsOf(text: string): UnitReport[] {
  return text.split('\n\n').flatMap((block) => {
    const properties = new Map(
      block.split('\n').map((line): [string, string] => {
        const [name = '', value = ''] = line.split('=');
        return [name, value];
      }),
    );
    const name = properties.get('Id')?.replace(/\.service$/, '');
    // A machine has the units of its own part only; the rest are not even loaded.
    if (name === undefined || properties.get('LoadState') !== 'loaded') return [];
    return [
      {
        name: harmless(name),
        state: harmless(properties.get('ActiveState') ?? 'unknown'),
        restarts: Number(properties.get('NRestarts') ?? 0),
      },
    ];
  });
}

function memoryOf(text: string): MachineReport['memory'] {
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]);
  const [total, available] = [kib('MemTotal'), kib('MemAvailable')];
  if (Number.isNaN(total) || Number.isNaN(available)) return undefined;
  return { totalMib: Math.round(total / 1024), availableMib: Math.round(available / 1024) };
}

function roomOf(text: string, mount: string): Room | undefined {
  const line = text.split('\n').find((each) => each.endsWith(` ${mount}`)) ?? '';
  const [, total, free] = /^\S+ +(\d+) +\d+ +(\d+) +\d+% /.exec(line) ?? [];
  if (total === undefined) return undefined;
  return { totalMib: Math.round(Number(total) / 1024), freeMib: Math.round(Number(free) / 1024) };
}

/** Its files say the same as `cloud-init status`, which takes a second of Python, or ten of an emulated one. */
function cloudInitOf(text: string): MachineReport['cloudInit'] {
  if (text === '') return 'absent';
  const json = text.slice(text.indexOf('{'));
  if (!text.includes('{')) return 'running';
  try {
    const { v1 } = JSON.parse(json) as { v1?: { errors?: unknown } };
    const errors = Array.isArray(v1?.errors) ? v1.errors.map((each) => harmless(String(each))) : [];
    return errors.length === 0 ? 'done' : { errors };
  } catch {
    return 'running';
  }
}

function numberAt<Name extends string>(name: Name, text: string): Partial<Record<Name, number>> {
  const value = Number.parseFloat(text);
  return Number.isNaN(value) ? {} : ({ [name]: value } as Partial<Record<Name, number>>);
}

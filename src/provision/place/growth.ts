import type { UnplacedMachine } from '../inventory/inventory.ts';
import { resources, type Size } from './load.ts';
import type { Proposal, Wanting } from './place.ts';

/** The machines that a fleet of `agents` agents wants besides those that are there, each as large as `size`. */
export function agentsMore(machines: readonly UnplacedMachine[], agents: number, size: Size): Wanting[] {
  const there = machines.filter(({ group }) => group === 'agents').length;
  const names = new Set(machines.map(({ name }) => name));
  const more: Wanting[] = [];
  for (let number = there + 1; more.length < agents - there; number++) {
    const name = `agent-${String(number).padStart(2, '0')}`;
    if (!names.has(name)) more.push({ name, size, apart: new Map() });
  }
  return more;
}

/** What is missing for the machines that fit nowhere. */
export interface Shortfall {
  readonly machines: number;
  /** What they want together. */
  readonly wanted: Size;
  /** What is free on all hypervisors together: in pieces that are too small, or of what is not scarce. */
  readonly free: Size;
  /** How many hypervisors like the largest there is would take them; undefined when one of them fits on none. */
  readonly hypervisorsMore: number | undefined;
  readonly like: string;
}

/** Undefined when every machine has a place. */
export function shortfallOf({ unplaceable, loads }: Proposal): Shortfall | undefined {
  const [first] = unplaceable;
  const like = loads.toSorted((a, b) => b.total.memoryMib - a.total.memoryMib)[0];
  if (!first || !like) return undefined;
  return {
    machines: unplaceable.length,
    wanted: sum(unplaceable.map(({ size }) => size)),
    free: sum(loads.map(({ total, taken }) => difference(total, taken))),
    hypervisorsMore: hypervisorsFor(unplaceable, like.total),
    like: like.host,
  };
}

/** Filled one after another, the largest machine first (first fit decreasing). */
function hypervisorsFor(wanting: readonly Wanting[], total: Size): number | undefined {
  const bins: Size[] = [];
  for (const { size } of wanting) {
    if (!fits(total, size)) return undefined;
    const at = bins.findIndex((free) => fits(free, size));
    if (at < 0) bins.push(difference(total, size));
    else bins[at] = difference(bins[at] ?? total, size);
  }
  return bins.length;
}

function fits(free: Size, size: Size): boolean {
  return resources.every((resource) => size[resource] <= free[resource]);
}

function difference(a: Size, b: Size): Size {
  return { memoryMib: a.memoryMib - b.memoryMib, diskGib: a.diskGib - b.diskGib, vcpus: a.vcpus - b.vcpus };
}

function sum(sizes: readonly Size[]): Size {
  const zero: Size = { memoryMib: 0, diskGib: 0, vcpus: 0 };
  return sizes.reduce((total, size) => difference(total, difference(zero, size)), zero);
}

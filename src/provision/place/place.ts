import { type Load, lacking, type Resource, type Size, scarcest, withMachine } from './load.ts';

/** A machine that wants a place. */
export interface Wanting {
  readonly name: string;
  readonly size: Size;
  /** Machines that had better not be on the same hypervisor, each with the reason in words: `both of security`. */
  readonly apart: ReadonlyMap<string, string>;
}

/** Where a machine is best placed, and why there. */
export interface Placement {
  readonly machine: string;
  readonly host: string;
  /** How much of what there is least of there is then taken: 1 is all. */
  readonly share: number;
  readonly scarce: Resource;
  /** Those it could not be kept apart from. */
  readonly beside: readonly { readonly machine: string; readonly why: string }[];
  /** The others, the best first, and what each has too little of; nothing where it would have fitted. */
  readonly others: readonly {
    readonly host: string;
    readonly share: number;
    readonly lacking: readonly Resource[];
    readonly beside: readonly string[];
  }[];
}

/** Where every machine would go that fits, the load that is then, and which do not fit. */
export interface Proposal {
  readonly placements: readonly Placement[];
  readonly unplaceable: readonly Wanting[];
  readonly loads: readonly Load[];
}

/**
 * Finds a place for each machine, the largest first: apart from those it is to be apart from, then where the scarcest
 * resource is taken least afterwards, which balances (worst fit decreasing). Pure, and the same for the same.
 */
export function place(loads: readonly Load[], wanting: readonly Wanting[]): Proposal {
  const placements: Placement[] = [];
  const unplaceable: Wanting[] = [];
  let now = loads;
  for (const machine of wanting.toSorted(largestFirst)) {
    const placement = bestPlace(now, machine);
    if (!placement) {
      unplaceable.push(machine);
      continue;
    }
    placements.push(placement);
    now = now.map((load) =>
      load.host === placement.host ? withMachine(load, machine.name, machine.size) : load,
    );
  }
  return { placements, unplaceable, loads: now };
}

function largestFirst(a: Wanting, b: Wanting): number {
  return (
    b.size.memoryMib - a.size.memoryMib ||
    b.size.diskGib - a.size.diskGib ||
    b.size.vcpus - a.size.vcpus ||
    (a.name < b.name ? -1 : 1)
  );
}

function bestPlace(loads: readonly Load[], { name, size, apart }: Wanting): Placement | undefined {
  const options = loads
    .map((load) => ({
      host: load.host,
      lacking: lacking(load, size),
      beside: load.machines.filter((each) => apart.has(each)),
      ...scarcest(withMachine(load, name, size)),
    }))
    .toSorted(
      (a, b) =>
        Number(a.lacking.length > 0) - Number(b.lacking.length > 0) ||
        a.beside.length - b.beside.length ||
        a.share - b.share ||
        (a.host < b.host ? -1 : 1),
    );
  const [best, ...others] = options;
  if (!best || best.lacking.length > 0) return undefined;
  return {
    machine: name,
    host: best.host,
    share: best.share,
    scarce: best.resource,
    beside: best.beside.map((machine) => ({ machine, why: apart.get(machine) ?? '' })),
    others: others.map(({ host, share, lacking: missing, beside }) => ({
      host,
      share,
      lacking: missing,
      beside,
    })),
  };
}

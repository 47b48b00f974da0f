import { InventoryError } from '#provision/inventory/finding.ts';
import { type Inventory, PROFILES, type UnplacedMachine } from '#provision/inventory/inventory.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import { agentsMore, type Shortfall, shortfallOf } from '#provision/place/growth.ts';
import { loadsOf, type Resource, type Size } from '#provision/place/load.ts';
import { type Placement, type Proposal, place } from '#provision/place/place.ts';
import { wantingOf } from '#provision/place/wanting.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { count, table } from '../format.ts';
import { ROOT, readable, readOptions } from '../inventory-option.ts';

export interface PlaceOptions {
  /** How many agents the fleet is to have. */
  readonly agents: number | undefined;
  /** How large those are that are not in the inventory. */
  readonly profile: keyof typeof PROFILES;
  readonly json: boolean;
}

/** What a machine has that says nothing of its disks (`disk_gib`, `data_gib`). */
const DISK_GIB = 250 + 20;

/** `olympus plan --place` and `--agents`: where machines would go, what is then taken, and what is missing. Touches nothing. */
export function planPlaces(context: CliContext, dir: string, { agents, profile, json }: PlaceOptions): void {
  const { inventory, unplaced } = readable(dir, () => checkPlaces(dir));
  const { hypervisors, machines, variables } = inventory;
  const size: Size = { ...PROFILES[profile], diskGib: DISK_GIB };
  const all = [...machines, ...unplaced];
  const wanting = [
    ...wantingOf(ROOT, unplaced, all),
    ...(agents === undefined ? [] : agentsMore(all, agents, size)),
  ];
  const overcommit = variables.hypervisor_vcpu_overcommit;
  const proposal = place(loadsOf(hypervisors, machines, overcommit), wanting);
  const shortfall = shortfallOf(proposal);
  const named = new Set(unplaced.map(({ name }) => name));
  if (json) context.out.json({ ...asJson(proposal), ...(shortfall ? { shortfall } : {}) });
  else print(context, { proposal, shortfall, named, overcommit, wanting: wanting.length });
  if (proposal.unplaceable.length > 0) context.exitWith(exitCodes.failed);
}

function checkPlaces(dir: string): { inventory: Inventory; unplaced: readonly UnplacedMachine[] } {
  const { inventory, unplaced, findings } = checkInventory(dir, { ...readOptions(), mayBeUnplaced: true });
  if (!inventory) throw new InventoryError(findings.filter(({ severity }) => severity === 'error'));
  return { inventory, unplaced };
}

function asJson({ placements, unplaceable, loads }: Proposal) {
  return {
    placements,
    unplaceable: unplaceable.map(({ name, size }) => ({ machine: name, size })),
    hypervisors: loads,
  };
}

interface Shown {
  readonly proposal: Proposal;
  readonly shortfall: Shortfall | undefined;
  /** The machines of the inventory that had no place: their lines are to be written. */
  readonly named: ReadonlySet<string>;
  readonly overcommit: number;
  readonly wanting: number;
}

function print(context: CliContext, { proposal, shortfall, named, overcommit, wanting }: Shown): void {
  const { out } = context;
  const { placements, loads } = proposal;
  if (wanting === 0) out.note('Every machine of the inventory has its place.');
  const lines = placements.filter(({ machine }) => named.has(machine));
  if (lines.length > 0) {
    out.print(out.style('bold', 'To write into hosts.yml:'));
    for (const { machine, host } of lines) out.print(`  ${machine}: host: ${host}`);
    out.print();
  }
  for (const placement of placements) out.print(`${placement.machine} on ${because(placement)}`);
  if (placements.length > 0) out.print();
  const [heading = '', ...rows] = table(
    ['HYPERVISOR', 'MEMORY, GiB', 'DISK, GiB', `VCPUS (OVERCOMMIT ${overcommit})`, 'MACHINES'],
    loads.map(({ host, total, taken, machines }) => [
      host,
      share(taken.memoryMib / 1024, total.memoryMib / 1024),
      share(taken.diskGib, total.diskGib),
      share(taken.vcpus, total.vcpus),
      machines.join(', '),
    ]),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const row of rows) out.print(row);
  if (loads.length === 0) out.print(`${out.style('red', '✗')} The inventory has no hypervisor.`);
  if (!shortfall) return;
  out.print();
  out.print(`${out.style('red', '✗')} ${missing(shortfall)}`);
}

function because({ host, share: taken, scarce, beside, others }: Placement): string {
  const near = beside.map(({ machine, why }) => `; beside ${machine}, ${why}, for want of another`).join('');
  const rest = others.map((other) => {
    if (other.lacking.length > 0) {
      return `${other.host} has too little ${other.lacking.map((each) => WORDS[each]).join(' and ')}`;
    }
    const apart = other.beside.length > beside.length ? `, beside ${other.beside.join(', ')}` : '';
    return `${other.host} ${percent(other.share)}${apart}`;
  });
  const compared = rest.length > 0 ? ` (${rest.join('; ')})` : '';
  return `${host}: ${percent(taken)} of ${WORDS[scarce]} taken then${near}${compared}`;
}

const WORDS: Readonly<Record<Resource, string>> = {
  memoryMib: 'memory',
  diskGib: 'disk',
  vcpus: 'vCPUs',
};

function missing({ machines, wanted, free, hypervisorsMore, like }: Shortfall): string {
  const fit = machines === 1 ? 'One does not fit' : `${machines} do not fit`;
  const of = (size: Size): string =>
    `${count(size.vcpus)} vCPUs, ${gib(size.memoryMib)} of memory and ${count(size.diskGib)} GiB of disk`;
  const more = hypervisorsMore === 1 ? 'one hypervisor more' : `${hypervisorsMore} hypervisors more`;
  const remedy =
    hypervisorsMore === undefined
      ? `The largest, ${like}, is too small for one of them, even empty.`
      : `With ${more} like ${like} they would.`;
  return `${fit}: wanted are ${of(wanted)} more; ${of(free)} are free, in pieces on all together. ${remedy}`;
}

function share(taken: number, total: number): string {
  return `${count(Math.round(taken))} of ${count(Math.round(total))} (${percent(taken / total)})`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function gib(mib: number): string {
  return `${count(Math.round(mib / 1024))} GiB`;
}

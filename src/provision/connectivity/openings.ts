import type { Inventory, Machine } from '../inventory/inventory.ts';
import { addressNumber, parseNetwork } from '../inventory/ipv4.ts';
import type { Rule } from './table.ts';

/** A TCP port of a machine that is open to a network. */
export interface Opening {
  readonly service: string;
  readonly port: number;
  /** A network, such as 10.220.1.0/24; 0.0.0.0/0 is everybody. */
  readonly from: string;
}

/** What one machine finds when it knocks at another. */
export interface Knocks {
  readonly machine: string;
  readonly address: string;
  readonly open: readonly number[];
  /** Where nothing may answer, not even that nobody is there. */
  readonly closed: readonly number[];
}

const ANYONE = '0.0.0.0/0';

/** Ports that something often listens at, beside those of the table: telnet to libvirt, databases, ours on loopback. */
const OFTEN_OPEN = [
  23, 80, 111, 443, 2049, 2375, 3306, 5432, 5900, 6379, 8080, 8222, 9090, 11_211, 16_509,
] as const;

/** What is open on a machine, in the order of the table; each once. */
export function openingsOf(machine: Machine, inventory: Inventory): readonly Opening[] {
  const openings = inventory.connectivity
    .filter((rule) => isFor(rule, machine, inventory))
    .flatMap(({ service, port, from }) =>
      from
        .flatMap((each) => networksOf(each, inventory))
        .map((network) => ({ service, port, from: network })),
    );
  const seen = new Set<string>();
  return openings.filter(({ port, from }) => {
    const key = `${port} ${from}`;
    return !seen.has(key) && seen.add(key) && !openings.some((other) => covers(other, { port, from }));
  });
}

/** What `machine` is to find at every other machine. */
export function knocksOf(machine: Machine, inventory: Inventory): readonly Knocks[] {
  const ports = [...new Set([...inventory.connectivity.map(({ port }) => port), ...OFTEN_OPEN])].toSorted(
    (a, b) => a - b,
  );
  return inventory.machines
    .filter(({ name }) => name !== machine.name)
    .map((other) => {
      const openings = openingsOf(other, inventory).filter(({ from }) => isIn(machine.address, from));
      const open = new Set(openings.map(({ port }) => port));
      return {
        machine: other.name,
        address: other.address,
        open: ports.filter((port) => open.has(port)),
        closed: ports.filter((port) => !open.has(port)),
      };
    });
}

function isFor({ to, when }: Rule, machine: Machine, { variables }: Inventory): boolean {
  if (to !== 'machines' && to !== machine.group) return false;
  switch (when) {
    case undefined:
      return true;
    case 'standins':
      return variables.standins_enabled;
    case 'dashboard_on_lan':
      return machine.openclawBind === 'lan';
    default:
      return when satisfies never;
  }
}

function networksOf(from: Rule['from'][number], { variables, machines }: Inventory): readonly string[] {
  switch (from) {
    case 'anyone':
      return [ANYONE];
    case 'admins':
      return [variables.admin_network];
    case 'network':
      return [variables.network_cidr];
    case 'chat':
      return variables.mattermost_addresses.map((address) => `${address}/32`);
    case 'hub':
    case 'agents':
    case 'machines':
      return machines
        .filter(({ group }) => from === 'machines' || group === from)
        .map(({ address }) => `${address}/32`);
    default:
      return from satisfies never;
  }
}

/** Whether a single address has nothing to gain by an opening of its own. */
function covers(
  wider: Pick<Opening, 'port' | 'from'>,
  { port, from }: Pick<Opening, 'port' | 'from'>,
): boolean {
  const [address = '', prefix] = from.split('/');
  return prefix === '32' && wider.port === port && wider.from !== from && isIn(address, wider.from);
}

function isIn(address: string, cidr: string): boolean {
  const [first = '', prefix] = cidr.split('/');
  if (prefix === '32') return address === first;
  const network = parseNetwork(cidr);
  const number = addressNumber(address);
  if (!network || number === undefined)
    throw new Error(`${address} or ${cidr} passed the checks and is none`);
  return number >= network.first && number <= network.last;
}
